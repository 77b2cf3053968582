/* Stands in for the NVIDIA driver where there is no GPU: its memory is the machine's, and a kernel that is started is
   handed to `started`, with its name and its arguments as the driver gets them. While work is recorded, `recording` is
   true; a graph that is started is handed to `replayed`. Copies to the device are made as late as a GPU may make them:
   when something is done after them, or waits. A function can be made to fail. */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef void (*Started)(const char *name, unsigned across, unsigned down, unsigned threads, void **arguments);

typedef void (*Replayed)(long graph);

static Started started;
static Replayed replayed;
static long graphs, recording;
static char failing[64];
static int status;
static long read_bytes, pinned;
static struct { void *to; const void *from; size_t size; } later[64];
static int waiting;

void standin_start(Started call, Replayed again) { started = call; replayed = again; }
long standin_recording(void) { return recording ? graphs : 0; }
void standin_fail(const char *name, int with) { strncpy(failing, name, sizeof failing - 1); status = with; }
long standin_read(void) { long bytes = read_bytes; read_bytes = 0; return bytes; }

long standin_pinned(void) { return pinned; }

static void settle(void) {
    for (int each = 0; each < waiting; each++) memcpy(later[each].to, later[each].from, later[each].size);
    waiting = 0;
}

static int call(const char *name) { return strcmp(name, failing) == 0 ? status : 0; }

int cuInit(unsigned flags) { return call("cuInit"); }
int cuDriverGetVersion(int *version) { *version = 12040; return call("cuDriverGetVersion"); }
int cuDeviceGetCount(int *count) { *count = 1; return call("cuDeviceGetCount"); }
int cuDeviceGet(int *device, int place) { *device = 0; return call("cuDeviceGet"); }
int cuDeviceGetName(char *name, int size, int device) { strncpy(name, "Stand-in", size); return 0; }
int cuDeviceGetAttribute(int *value, int attribute, int device) { *value = attribute == 75 ? 9 : 0; return 0; }
int cuGetErrorString(int code, const char **text) { *text = "unspecified launch failure"; return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = &status; return 0; }
int cuCtxSetCurrent(void *context) { return context == &status ? 0 : 201; }
int cuStreamCreate(void **stream, unsigned flags) { *stream = malloc(1); return call("cuStreamCreate"); }
int cuStreamSynchronize(void *stream) { settle(); return call("cuStreamSynchronize"); }
int cuStreamWaitEvent(void *stream, void *event, unsigned flags) { return event && !flags ? call("cuStreamWaitEvent") : 1; }
int cuEventCreate(void **event, unsigned flags) { *event = malloc(1); return flags == 2 ? call("cuEventCreate") : 1; }
int cuEventRecord(void *event, void *stream) { return event && stream ? call("cuEventRecord") : 1; }
int cuEventDestroy_v2(void *event) { free(event); return call("cuEventDestroy_v2"); }

int cuEventQuery(void *event) {
    int failed = call("cuEventQuery");
    if (!failed) settle();
    return failed;
}

int cuMemHostAlloc(void **memory, size_t size, unsigned flags) {
    int failed = call("cuMemHostAlloc");
    if (!failed) { *memory = malloc(size); pinned += 1; }
    return failed;
}

int cuMemFreeHost(void *memory) { free(memory); pinned -= 1; return call("cuMemFreeHost"); }

int cuMemcpyHtoDAsync_v2(uint64_t to, const void *from, size_t size, void *stream) {
    if (waiting == 64 || !stream) return 1;
    later[waiting].to = (void *)to;
    later[waiting].from = from;
    later[waiting++].size = size;
    return call("cuMemcpyHtoDAsync_v2");
}

int cuModuleLoadData(void **module, const char *image) {
    int cubin = memcmp(image, "\x7f" "ELF", 4) == 0 && image[18] == (char)190;
    *module = (void *)image;
    return cubin || strstr(image, ".version") ? call("cuModuleLoadData") : 200;
}

int cuModuleGetFunction(void **function, void *module, const char *name) {
    *function = strdup(name);
    return call("cuModuleGetFunction");
}

int cuLaunchKernel(void *function, unsigned across, unsigned down, unsigned deep, unsigned threads, unsigned y,
                   unsigned z, unsigned shared, void *stream, void **arguments, void **extra) {
    if (deep != 1 || y != 1 || z != 1 || extra != NULL || stream == NULL) return 1;
    int failed = call("cuLaunchKernel");
    settle();
    if (!failed) started(function, across, down, threads, arguments);
    return failed;
}

int cuMemcpyDtoHAsync_v2(void *into, uint64_t from, size_t size, void *stream) {
    int failed = call("cuMemcpyDtoHAsync_v2");
    settle();
    if (!failed) memcpy(into, (void *)from, size);
    read_bytes += size;
    return failed;
}

int cuStreamBeginCapture_v2(void *stream, int mode) {
    recording = 1;
    graphs++;
    return mode == 1 && stream ? call("cuStreamBeginCapture_v2") : 1;
}

int cuStreamEndCapture(void *stream, void **graph) {
    recording = 0;
    *graph = (void *)graphs;
    return call("cuStreamEndCapture");
}

int cuGraphInstantiateWithFlags(void **exec, void *graph, uint64_t flags) { *exec = graph; return flags ? 1 : 0; }
int cuGraphDestroy(void *graph) { return graph ? 0 : 1; }
int cuGraphExecDestroy(void *exec) { return exec ? 0 : 1; }
int cuGraphLaunch(void *exec, void *stream) { replayed((long)exec); return stream ? call("cuGraphLaunch") : 1; }
