/* What generated kernels begin with. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Loops of vectors use all registers: what GCC puts into memory meanwhile costs a sixth of the time. */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("schedule-insns", "sched-pressure")
#endif

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
static inline float gf_from_u8(uint8_t v) { return (float)v * (1.0f / 255.0f); }
static inline float gf_float(uint32_t bits) { union { uint32_t u; float f; } v = {bits}; return v.f; }
static inline uint32_t gf_bits(float value) { union { float f; uint32_t u; } v = {value}; return v.u; }
/* Brought to 0..1; 0 for what is no number. Bits of positive floats are in the order of the floats. */
static inline float gf_unit(float v) {
  int32_t bits = (int32_t)gf_bits(gf_max(v, 0.0f));
  return gf_float((uint32_t)(bits < 0x3f800000 ? bits : 0x3f800000));
}
static inline uint8_t gf_u8(float v) { return (uint8_t)(int32_t)(gf_unit(v) * 255.0f + 0.5f); }

/* By polynomials (minimax, by Lawson's algorithm), without branches, so that compilers make vectors of them. The
   logarithm is within 2e-6, the power of two within a 1e-7th part; those of 1 and of whole numbers are exact. */

/* 2^23 times the logarithm of a positive number: a float's bits, read as a whole number, are that but for a curve. */
static inline float gf_log2_bits(float x) {
  int32_t high = (int32_t)(gf_bits(x) - 0x3f800000u);
  float t = gf_float(((uint32_t)high & 0x007fffffu) | 0x3f800000u) - 1.0f;
  float t2 = t * t;
  float a = GF_FMA(t, -6044709.0f, 3713367.0f);
  float b = GF_FMA(t, -2733864.0f, 3972454.0f);
  float c = GF_FMA(t, -667378.625f, 1629858.875f);
  return GF_FMA(GF_FMA(t2, GF_FMA(t2, GF_FMA(t2, 130274.390625f, c), b), a), t, (float)high);
}
static inline float gf_log2(float x) { return gf_log2_bits(gf_max(x, 1.17549435e-38f)) * 0x1p-23f; }
/* Two to the power of x times y, which is within 2^22; brought to what a float holds. Whole numbers are compared, as
   vectors of floats take two instructions for that where some may be no numbers. */
static inline float gf_exp2_of(float x, float y) {
  float rounded = GF_FMA(x, y, 12582912.0f); /* 1.5 x 2^23: the low bits of the sum are the nearest whole number. */
  float f = GF_FMA(x, y, 12582912.0f - rounded);
  float f2 = f * f;
  float a = GF_FMA(f, 0.693147215f, 1.0f);
  float b = GF_FMA(f, 0.0555030836f, 0.240222346f);
  float c = GF_FMA(f, 0.00134072591f, 0.00967187506f);
  int32_t whole = (int32_t)gf_bits(rounded);
  whole = whole < 0x4b400000 - 126 ? 0x4b400000 - 126 : whole;
  whole = whole > 0x4b400000 + 127 ? 0x4b400000 + 127 : whole;
  return gf_float(gf_bits(GF_FMA(f2, GF_FMA(f2, c, b), a)) + ((uint32_t)whole << 23));
}
static inline float gf_exp2(float x) { return gf_exp2_of(gf_min(gf_max(x, -1e6f), 1e6f), 1.0f); }
static inline float gf_pow(float x, float y) {
  uint32_t size = gf_bits(y) & 0x7fffffffu, most = 0x461c4000u; /* 10,000, and as GCC makes no branch of it. */
  float exponent = gf_float((size < most ? size : most) | (gf_bits(y) & 0x80000000u));
  float p = gf_exp2_of(gf_log2_bits(x), exponent * 0x1p-23f);
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
/* How far away a pixel is, as whole numbers can hold it: further than any picture reaches. 0 for what is no number. */
static inline float gf_offset(float v) { return gf_min(gf_max(v == v ? v : 0.0f, -16777216.0f), 16777216.0f); }
static inline float gf_mixed(float a, float b, float share) { return a + (b - a) * share; }
static inline float gf_table(const float *table, int32_t entries, float v) {
  float place = gf_unit(v) * (float)(entries - 1);
  int32_t low = (int32_t)place;
  low = low < entries - 2 ? low : entries - 2;
  return table[low] + (table[low + 1] - table[low]) * (place - (float)low);
}
/* Long sums, out of line, as a kernel of any size has many of them: what is read is STEP numbers apart. The first four
   neighbours are put into the row, further ones are added to it, or compared with it. */
#define GF_FOUR(at) const float *restrict p##at, float w##at
#define GF_LONG(STEP) \
  __attribute__((noinline, unused)) static void gf_sum_##STEP( \
      float *restrict row, int32_t n, int first, GF_FOUR(0), GF_FOUR(1), GF_FOUR(2), GF_FOUR(3)) { \
    if (first) { \
      GF_LOOP \
      for (int32_t x = 0; x < n; x++) \
        row[x] = GF_FMA(w3, p3[x * STEP], GF_FMA(w2, p2[x * STEP], GF_FMA(w1, p1[x * STEP], w0 * p0[x * STEP]))); \
    } else { \
      GF_LOOP \
      for (int32_t x = 0; x < n; x++) \
        row[x] = GF_FMA(w3, p3[x * STEP], GF_FMA(w2, p2[x * STEP], GF_FMA(w1, p1[x * STEP], \
                        GF_FMA(w0, p0[x * STEP], row[x])))); \
    } \
  } \
  __attribute__((noinline, unused)) static void gf_greatest_##STEP( \
      float *restrict row, int32_t n, int first, GF_FOUR(0), GF_FOUR(1), GF_FOUR(2), GF_FOUR(3)) { \
    (void)w0, (void)w1, (void)w2, (void)w3; \
    GF_LOOP \
    for (int32_t x = 0; x < n; x++) { \
      float most = gf_max(gf_max(p0[x * STEP], p1[x * STEP]), gf_max(p2[x * STEP], p3[x * STEP])); \
      row[x] = first ? most : gf_max(row[x], most); \
    } \
  } \
  __attribute__((noinline, unused)) static void gf_gather_##STEP( \
      float *restrict row, int32_t n, int32_t taps, const int32_t *restrict starts, const float *restrict weights, \
      const float *restrict from) { \
    GF_LOOP \
    for (int32_t x = 0; x < n; x++) { \
      float total = 0.0f; \
      for (int32_t k = 0; k < taps; k++) \
        total = GF_FMA(weights[(int64_t)k * n + x], from[(starts[x] + k) * STEP], total); \
      row[x] = total; \
    } \
  }

/* One colour of a cube of (n, n, n, 3), by blue, green, red. */
static inline float gf_cube(const float *cube, int32_t n, float red, float green, float blue, int32_t c) {
  float r = gf_unit(red) * (float)(n - 1);
  float g = gf_unit(green) * (float)(n - 1);
  float b = gf_unit(blue) * (float)(n - 1);
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
