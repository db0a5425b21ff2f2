// SPDX-License-Identifier: MIT
// Vec<float> and Vec<double> for AVX2 with FMA and for AVX-512: the few operations that the kernels are written in.
// A source for core/for_each_target.hpp; vectors.hpp includes it. (The portable ones are Eigen's packets: packet.hpp.)
//
// tile_rows: rows of a product at once, 3 * tile_rows accumulators, 3 weights and a broadcast: all registers there are.

#if defined(EIGENGRU_TARGET) && EIGENGRU_TARGET != EIGENGRU_TARGET_PORTABLE

template <class S>
struct Vec;

// Without it g++ keeps two broadcasts alive and spills an accumulator for each.
#if defined(__clang__)
#define EIGENGRU_PIN_BROADCAST(v)
#else
#define EIGENGRU_PIN_BROADCAST(v) asm("" : "+v"(v))
#endif

#if EIGENGRU_TARGET == EIGENGRU_TARGET_AVX512

template <>
struct Vec<float> {
    using Scalar = float;
    static constexpr int size = 16, tile_rows = 8;
    __m512 v;

    static Vec load(const float* from) { return {_mm512_loadu_ps(from)}; }
    static Vec load_first(const float* from, Index count) { return {_mm512_maskz_loadu_ps(first(count), from)}; }
    static Vec all(float x) { return {_mm512_set1_ps(x)}; }
    void store(float* to) const { _mm512_storeu_ps(to, v); }
    void store_first(float* to, Index count) const { _mm512_mask_storeu_ps(to, first(count), v); }
    void pin() { asm("" : "+v"(v)); }
    void pin_broadcast() { EIGENGRU_PIN_BROADCAST(v); }

    Vec operator+(Vec b) const { return {_mm512_add_ps(v, b.v)}; }
    Vec operator-(Vec b) const { return {_mm512_sub_ps(v, b.v)}; }
    Vec operator*(Vec b) const { return {_mm512_mul_ps(v, b.v)}; }
    Vec operator/(Vec b) const { return {_mm512_div_ps(v, b.v)}; }
    static Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }
    static Vec multiply_subtract(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_ps(a.v, b.v, c.v)}; }
    Vec clamped(float low, float high) const { return {_mm512_min_ps(all(high).v, _mm512_max_ps(all(low).v, v))}; }
    Vec shifted_into_exponent() const { return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23))}; }
    Vec zero_where_less(Vec x, float limit) const {
        return {_mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x.v, all(limit).v, _CMP_NLT_UQ), v)};
    }
    Vec with_sign_of(Vec x) const { return {_mm512_or_ps(v, _mm512_and_ps(x.v, all(-0.0F).v))}; }
    static Vec where_less(Vec a, Vec b, Vec yes, Vec no) {
        return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
    }
    Vec abs() const { return {_mm512_abs_ps(v)}; }
    Vec sqrt() const { return {_mm512_sqrt_ps(v)}; }

private:
    static __mmask16 first(Index count) { return static_cast<__mmask16>((1U << count) - 1U); }
};

template <>
struct Vec<double> {
    using Scalar = double;
    static constexpr int size = 8, tile_rows = 8;
    __m512d v;

    static Vec load(const double* from) { return {_mm512_loadu_pd(from)}; }
    static Vec load_first(const double* from, Index count) { return {_mm512_maskz_loadu_pd(first(count), from)}; }
    static Vec all(double x) { return {_mm512_set1_pd(x)}; }
    void store(double* to) const { _mm512_storeu_pd(to, v); }
    void store_first(double* to, Index count) const { _mm512_mask_storeu_pd(to, first(count), v); }
    void pin() { asm("" : "+v"(v)); }
    void pin_broadcast() { EIGENGRU_PIN_BROADCAST(v); }

    Vec operator+(Vec b) const { return {_mm512_add_pd(v, b.v)}; }
    Vec operator-(Vec b) const { return {_mm512_sub_pd(v, b.v)}; }
    Vec operator*(Vec b) const { return {_mm512_mul_pd(v, b.v)}; }
    Vec operator/(Vec b) const { return {_mm512_div_pd(v, b.v)}; }
    static Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }
    static Vec multiply_subtract(Vec a, Vec b, Vec c) { return {_mm512_fnmadd_pd(a.v, b.v, c.v)}; }
    Vec clamped(double low, double high) const { return {_mm512_min_pd(all(high).v, _mm512_max_pd(all(low).v, v))}; }
    Vec shifted_into_exponent() const { return {_mm512_castsi512_pd(_mm512_slli_epi64(_mm512_castpd_si512(v), 52))}; }
    Vec zero_where_less(Vec x, double limit) const {
        return {_mm512_maskz_mov_pd(_mm512_cmp_pd_mask(x.v, all(limit).v, _CMP_NLT_UQ), v)};
    }
    Vec with_sign_of(Vec x) const { return {_mm512_or_pd(v, _mm512_and_pd(x.v, all(-0.0).v))}; }
    static Vec where_less(Vec a, Vec b, Vec yes, Vec no) {
        return {_mm512_mask_blend_pd(_mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ), no.v, yes.v)};
    }
    Vec abs() const { return {_mm512_abs_pd(v)}; }
    Vec sqrt() const { return {_mm512_sqrt_pd(v)}; }

private:
    static __mmask8 first(Index count) { return static_cast<__mmask8>((1U << count) - 1U); }
};

#else

template <>
struct Vec<float> {
    using Scalar = float;
    static constexpr int size = 8, tile_rows = 4;
    __m256 v;

    static Vec load(const float* from) { return {_mm256_loadu_ps(from)}; }
    static Vec load_first(const float* from, Index count) { return {_mm256_maskload_ps(from, first(count))}; }
    static Vec all(float x) { return {_mm256_set1_ps(x)}; }
    void store(float* to) const { _mm256_storeu_ps(to, v); }
    void store_first(float* to, Index count) const { _mm256_maskstore_ps(to, first(count), v); }
    void pin() { asm("" : "+x"(v)); }
    void pin_broadcast() { EIGENGRU_PIN_BROADCAST(v); }

    Vec operator+(Vec b) const { return {_mm256_add_ps(v, b.v)}; }
    Vec operator-(Vec b) const { return {_mm256_sub_ps(v, b.v)}; }
    Vec operator*(Vec b) const { return {_mm256_mul_ps(v, b.v)}; }
    Vec operator/(Vec b) const { return {_mm256_div_ps(v, b.v)}; }
    static Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }
    static Vec multiply_subtract(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_ps(a.v, b.v, c.v)}; }
    Vec clamped(float low, float high) const { return {_mm256_min_ps(all(high).v, _mm256_max_ps(all(low).v, v))}; }
    Vec shifted_into_exponent() const { return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23))}; }
    Vec zero_where_less(Vec x, float limit) const {
        return {_mm256_and_ps(_mm256_cmp_ps(x.v, all(limit).v, _CMP_NLT_UQ), v)};
    }
    Vec with_sign_of(Vec x) const { return {_mm256_or_ps(v, _mm256_and_ps(x.v, all(-0.0F).v))}; }
    static Vec where_less(Vec a, Vec b, Vec yes, Vec no) {
        return {_mm256_blendv_ps(no.v, yes.v, _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ))};
    }
    Vec abs() const { return {_mm256_andnot_ps(all(-0.0F).v, v)}; }
    Vec sqrt() const { return {_mm256_sqrt_ps(v)}; }

private:
    static __m256i first(Index count) {
        const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
        return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
    }
};

template <>
struct Vec<double> {
    using Scalar = double;
    static constexpr int size = 4, tile_rows = 4;
    __m256d v;

    static Vec load(const double* from) { return {_mm256_loadu_pd(from)}; }
    static Vec load_first(const double* from, Index count) { return {_mm256_maskload_pd(from, first(count))}; }
    static Vec all(double x) { return {_mm256_set1_pd(x)}; }
    void store(double* to) const { _mm256_storeu_pd(to, v); }
    void store_first(double* to, Index count) const { _mm256_maskstore_pd(to, first(count), v); }
    void pin() { asm("" : "+x"(v)); }
    void pin_broadcast() { EIGENGRU_PIN_BROADCAST(v); }

    Vec operator+(Vec b) const { return {_mm256_add_pd(v, b.v)}; }
    Vec operator-(Vec b) const { return {_mm256_sub_pd(v, b.v)}; }
    Vec operator*(Vec b) const { return {_mm256_mul_pd(v, b.v)}; }
    Vec operator/(Vec b) const { return {_mm256_div_pd(v, b.v)}; }
    static Vec multiply_add(Vec a, Vec b, Vec c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }
    static Vec multiply_subtract(Vec a, Vec b, Vec c) { return {_mm256_fnmadd_pd(a.v, b.v, c.v)}; }
    Vec clamped(double low, double high) const { return {_mm256_min_pd(all(high).v, _mm256_max_pd(all(low).v, v))}; }
    Vec shifted_into_exponent() const { return {_mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(v), 52))}; }
    Vec zero_where_less(Vec x, double limit) const {
        return {_mm256_and_pd(_mm256_cmp_pd(x.v, all(limit).v, _CMP_NLT_UQ), v)};
    }
    Vec with_sign_of(Vec x) const { return {_mm256_or_pd(v, _mm256_and_pd(x.v, all(-0.0).v))}; }
    static Vec where_less(Vec a, Vec b, Vec yes, Vec no) {
        return {_mm256_blendv_pd(no.v, yes.v, _mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ))};
    }
    Vec abs() const { return {_mm256_andnot_pd(all(-0.0).v, v)}; }
    Vec sqrt() const { return {_mm256_sqrt_pd(v)}; }

private:
    static __m256i first(Index count) {
        const __m256i lanes = _mm256_setr_epi64x(0, 1, 2, 3);
        return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), lanes);
    }
};

#endif

#undef EIGENGRU_PIN_BROADCAST

#endif
