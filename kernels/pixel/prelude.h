/* What generated kernels begin with. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* What a loop reads and what it writes are never the same memory. */
#ifdef __clang__
#define GF_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define GF_LOOP _Pragma("GCC ivdep")
#endif

/* Sums of products are rounded once, where the processor can; all other arithmetic is as it is written, so that ops give
   the same bits whether they are fused or not. */
#if defined(__FMA__) || defined(__aarch64__)
#define GF_FMA(a, b, c) __builtin_fmaf(a, b, c)
#else
#define GF_FMA(a, b, c) ((a) * (b) + (c))
#endif

static inline float gf_min(float a, float b) { return a < b ? a : b; }
static inline float gf_max(float a, float b) { return a > b ? a : b; }
static inline int32_t gf_clamp(int32_t i, int32_t n) { return i < 0 ? 0 : i < n ? i : n - 1; }
static inline uint8_t gf_u8(float v) { return (uint8_t)(int32_t)(gf_min(gf_max(v, 0.0f), 1.0f) * 255.0f + 0.5f); }
static inline float gf_from_u8(uint8_t v) { return (float)v * (1.0f / 255.0f); }
static inline float gf_float(uint32_t bits) { union { uint32_t u; float f; } v = {bits}; return v.f; }
static inline uint32_t gf_bits(float value) { union { float f; uint32_t u; } v = {value}; return v.u; }

/* By polynomials (least squares at Chebyshev points), without branches, so that compilers make vectors of them. The
   logarithm is within 2e-6, the power of two within a 1e-7th part. */
static inline float gf_log2(float x) {
  uint32_t bits = gf_bits(gf_max(x, 1.17549435e-38f));
  uint32_t high = bits - 0x3f3504f3u; /* The square root of 1/2: m is around 0. */
  float e = (float)((int32_t)high >> 23);
  float m = gf_float((high & 0x007fffffu) + 0x3f3504f3u) - 1.0f;
  float m2 = m * m;
  float a = GF_FMA(m, -0.7213640398f, 1.4426964322f);
  float b = GF_FMA(m, -0.3593506528f, 0.4806291469f);
  float c = GF_FMA(m, -0.2695062744f, 0.2956336003f);
  return GF_FMA(GF_FMA(m2, GF_FMA(m2, GF_FMA(m2, 0.1721287307f, c), b), a), m, e);
}
static inline float gf_exp2(float x) {
  x = gf_min(gf_max(x, -126.0f), 127.0f);
  float rounded = x + 12582912.0f; /* 1.5 x 2^23: the low bits of the sum are the nearest whole number. */
  float f = x - (rounded - 12582912.0f);
  float f2 = f * f;
  float a = GF_FMA(f, 0.693147207f, 1.00000008f);
  float b = GF_FMA(f, 0.0555032721f, 0.240221074f);
  float c = GF_FMA(f, 0.00134004322f, 0.0096760371f);
  return gf_float(gf_bits(GF_FMA(f2, GF_FMA(f2, c, b), a)) + (gf_bits(rounded) << 23));
}
static inline float gf_pow(float x, float y) {
  float p = gf_exp2(gf_log2(x) * y); /* Made in any case, as vectors have no branches. */
  float none = y == 0.0f ? 1.0f : 0.0f;
  return x > 0.0f ? p : none;
}
static inline float gf_hashed(float x, float y, float seed) {
  uint32_t h = ((uint32_t)(int32_t)x * 0x9E3779B1u) ^ ((uint32_t)(int32_t)y * 0x85EBCA77u) ^ (uint32_t)(int32_t)seed;
  h = (h ^ (h >> 16)) * 0x85EBCA6Bu;
  h = (h ^ (h >> 13)) * 0xC2B2AE35u;
  return (float)((h ^ (h >> 16)) >> 8) * (1.0f / 16777216.0f);
}
static inline void gf_range(int32_t *lo, int32_t *hi, int32_t a, int32_t b) {
  if (a < *lo) *lo = a;
  if (b > *hi) *hi = b;
}
static inline float gf_table(const float *table, int32_t entries, float v) {
  float place = gf_min(gf_max(v, 0.0f), 1.0f) * (float)(entries - 1);
  int32_t low = (int32_t)place;
  low = low < entries - 2 ? low : entries - 2;
  return table[low] + (table[low + 1] - table[low]) * (place - (float)low);
}
/* One colour of a cube of (n, n, n, 3), by blue, green, red. */
static inline float gf_cube(const float *cube, int32_t n, float red, float green, float blue, int32_t c) {
  float r = gf_min(gf_max(red, 0.0f), 1.0f) * (float)(n - 1);
  float g = gf_min(gf_max(green, 0.0f), 1.0f) * (float)(n - 1);
  float b = gf_min(gf_max(blue, 0.0f), 1.0f) * (float)(n - 1);
  int32_t i = (int32_t)r, j = (int32_t)g, k = (int32_t)b;
  i = i < n - 2 ? i : n - 2;
  j = j < n - 2 ? j : n - 2;
  k = k < n - 2 ? k : n - 2;
  float x = r - (float)i, y = g - (float)j, z = b - (float)k;
  const float *at = cube + ((k * n + j) * n + i) * 3 + c;
  int32_t down = 3 * n, deep = 3 * n * n;
  float p = at[0] + (at[3] - at[0]) * x;
  float q = at[down] + (at[down + 3] - at[down]) * x;
  float s = at[deep] + (at[deep + 3] - at[deep]) * x;
  float t = at[deep + down] + (at[deep + down + 3] - at[deep + down]) * x;
  p += (q - p) * y;
  s += (t - s) * y;
  return p + (s - p) * z;
}
