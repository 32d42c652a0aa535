// What both ways of running an episode share: the problem as Python hands it over, small matrix products for gathered
// cells, the weights padded for them, the limit.  It walks no grid.  Included by episode.cpp alone.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstring>
#include <vector>

namespace {

typedef float v8 __attribute__((vector_size(32), aligned(4)));  // unaligned on purpose: rows need only float alignment

constexpr int kRows = 6;    // 6 x 16 floats = 12 accumulators, the most that 16 vector registers take
constexpr int kCols = 16;
constexpr int kBlock = 48;  // cells a block: 48 hidden rows stay within the first-level cache beside a weight tile
constexpr float kAlive = 0.1f;
constexpr int kAlpha = 3;

struct Problem {  // mirrored by trainer/native.py; all arrays contiguous float32 or uint8
    int32_t samples, height, width, steps, channels, hidden, limit, backward, late_max;
    float hidden_max, state_step, state_max, loss_scale;
    const float *w1, *b1, *w2, *b2;  // [3C,H] [H] [H,C] [C]
    float* states;                   // [B,h,w,C], in and out
    const uint8_t* exists;           // [B,h,w]: 0 = no cell there, never fires, holds zeros
    const uint8_t* fire;             // [T,B,h,w]
    const uint8_t* late;             // [T,B,h,w]: steps; null: no faults, the synchronous step
    const uint8_t* lost;             // [T,B,h,w]: bit k, what the neighbour in slot k says at that step is lost
    const uint8_t* forget;           // [T,B,h,w]: the cell's memory is empty before that step
    const float* target;             // [B,h,w,4]
    float* losses;                   // [B]: sum of squares * loss_scale
    float* gradients;                // [B][3C*H + H + H*C + C], zeroed by the caller; unused without backward
};

inline int padded(int n) { return (n + kCols - 1) / kCols * kCols; }

// C[i][j] (+)= sum_k A[i*rs + k*ks] * B[k*ldb + j], for M rows and one strip of 16 columns.
template <int M>
inline void tile(const float* a, int rs, int ks, const float* b, int ldb, float* c, int ldc, int depth, bool add) {
    v8 acc[M][2];
#pragma GCC unroll 6
    for (int i = 0; i < M; i++) {
        acc[i][0] = add ? *(const v8*)(c + i * ldc) : v8{};
        acc[i][1] = add ? *(const v8*)(c + i * ldc + 8) : v8{};
    }
    for (int k = 0; k < depth; k++) {
        const v8 b0 = *(const v8*)(b + (size_t)k * ldb), b1 = *(const v8*)(b + (size_t)k * ldb + 8);
        const float* column = a + (size_t)k * ks;
#pragma GCC unroll 6
        for (int i = 0; i < M; i++) {
            const float x = column[i * rs];
            acc[i][0] += x * b0;
            acc[i][1] += x * b1;
        }
    }
#pragma GCC unroll 6
    for (int i = 0; i < M; i++) {
        *(v8*)(c + i * ldc) = acc[i][0];
        *(v8*)(c + i * ldc + 8) = acc[i][1];
    }
}

void product(const float* a, int rs, int ks, const float* b, int ldb, float* c, int ldc, int rows, int cols, int depth,
             bool add) {
    for (int j = 0; j < cols; j += kCols) {
        int i = 0;
        for (; i + kRows <= rows; i += kRows)
            tile<kRows>(a + (size_t)i * rs, rs, ks, b + j, ldb, c + (size_t)i * ldc + j, ldc, depth, add);
        const float* rest = a + (size_t)i * rs;
        float* out = c + (size_t)i * ldc + j;
        switch (rows - i) {
            case 1: tile<1>(rest, rs, ks, b + j, ldb, out, ldc, depth, add); break;
            case 2: tile<2>(rest, rs, ks, b + j, ldb, out, ldc, depth, add); break;
            case 3: tile<3>(rest, rs, ks, b + j, ldb, out, ldc, depth, add); break;
            case 4: tile<4>(rest, rs, ks, b + j, ldb, out, ldc, depth, add); break;
            case 5: tile<5>(rest, rs, ks, b + j, ldb, out, ldc, depth, add); break;
            default: break;
        }
    }
}

struct Weights {  // padded to strips of 16 columns with zeros, and both transposes for the way back
    int C, H, cp, hp, pp;
    std::vector<float> w1, b1, w2, b2, w1t, w2t;
    explicit Weights(const Problem& p)
        : C(p.channels), H(p.hidden), cp(padded(C)), hp(padded(H)), pp(padded(3 * C)), w1(pp * hp), b1(hp), w2(hp * cp),
          b2(cp), w1t(hp * pp), w2t(cp * hp) {
        for (int i = 0; i < 3 * C; i++)
            for (int j = 0; j < H; j++) w1[i * hp + j] = w1t[j * pp + i] = p.w1[i * H + j];
        for (int j = 0; j < H; j++)
            for (int c = 0; c < C; c++) w2[j * cp + c] = w2t[c * hp + j] = p.w2[j * C + c];
        std::memcpy(b1.data(), p.b1, sizeof(float) * H);
        std::memcpy(b2.data(), p.b2, sizeof(float) * C);
    }
};

// Both layers for n cells: perceived [n,pp] -> hidden [n,hp] (kept for the way back) -> delta [n,cp].
void layers(const Problem& p, const Weights& w, const float* perceived, float* hidden, float* delta, int n) {
    const int cp = w.cp, hp = w.hp, pp = w.pp;
    for (int i = 0; i < n; i += kBlock) {
        const int m = n - i < kBlock ? n - i : kBlock;
        float* hb = hidden + (size_t)i * hp;
        for (int r = 0; r < m; r++) std::memcpy(hb + (size_t)r * hp, w.b1.data(), sizeof(float) * hp);
        product(perceived + (size_t)i * pp, pp, 1, w.w1.data(), hp, hb, hp, m, hp, pp, true);
        for (size_t k = 0; k < (size_t)m * hp; k++) {
            float v = hb[k] > 0.0f ? hb[k] : 0.0f;
            hb[k] = v < p.hidden_max ? v : p.hidden_max;
        }
        for (int r = 0; r < m; r++) std::memcpy(delta + (size_t)(i + r) * cp, w.b2.data(), sizeof(float) * cp);
        product(hb, hp, 1, w.w2.data(), cp, delta + (size_t)i * cp, cp, m, cp, hp, true);
    }
}

struct Sums {  // the gradients of one sample, padded like the weights
    std::vector<float> gw1, gb1, gw2, gb2, dhidden;
    void clear(const Weights& w) {
        gw1.assign((size_t)w.pp * w.hp, 0.0f);
        gb1.assign(w.hp, 0.0f);
        gw2.assign((size_t)w.hp * w.cp, 0.0f);
        gb2.assign(w.cp, 0.0f);
        dhidden.resize((size_t)kBlock * w.hp);
    }
    void write(const Problem& p, const Weights& w, int b) const {
        const int C = w.C, hp = w.hp, cp = w.cp;
        const int H = p.hidden;
        float* g = p.gradients + (size_t)b * (3 * C * H + H + H * C + C);
        for (int i = 0; i < 3 * C; i++, g += H) std::memcpy(g, gw1.data() + (size_t)i * hp, sizeof(float) * H);
        std::memcpy(g, gb1.data(), sizeof(float) * H);
        g += H;
        for (int j = 0; j < H; j++, g += C) std::memcpy(g, gw2.data() + (size_t)j * cp, sizeof(float) * C);
        std::memcpy(g, gb2.data(), sizeof(float) * C);
    }
};

// The way back through both layers: delta [n,cp] is the gradient of the change, dperceived [n,pp] comes out.
void layers_back(const Problem& p, const Weights& w, Sums& s, const float* perceived, const float* hidden,
                 const float* delta, float* dperceived, int n) {
    const int cp = w.cp, hp = w.hp, pp = w.pp;
    float* dhidden = s.dhidden.data();
    for (int i = 0; i < n; i += kBlock) {
        const int m = n - i < kBlock ? n - i : kBlock;
        const float *hb = hidden + (size_t)i * hp, *pb = perceived + (size_t)i * pp;
        const float* db = delta + (size_t)i * cp;
        product(db, cp, 1, w.w2t.data(), hp, dhidden, hp, m, hp, cp, false);
        for (int r = 0; r < m; r++)
            for (int j = 0; j < hp; j++) {
                const float v = hb[(size_t)r * hp + j];
                const float d = (v > 0.0f) & (v < p.hidden_max) ? dhidden[(size_t)r * hp + j] : 0.0f;
                dhidden[(size_t)r * hp + j] = d;
                s.gb1[j] += d;
            }
        product(hb, 1, hp, db, cp, s.gw2.data(), cp, hp, cp, m, true);
        product(pb, 1, pp, dhidden, hp, s.gw1.data(), hp, pp, hp, m, true);
        product(dhidden, hp, 1, w.w1t.data(), pp, dperceived + (size_t)i * pp, pp, m, pp, hp, false);
    }
}

template <class T>
T* room(std::vector<T>& v, size_t n) {
    if (v.size() < n) v.resize(n + n / 2);
    return v.data();
}

// limit: 0 identity, 1 clamp, 2 round then clamp (numpy's rint: half to even, the default rounding mode)
inline float limited(const Problem& p, float v, uint32_t bit, uint32_t& clamped) {
    if (p.limit == 0) return v;
    if (p.limit == 2) v = std::nearbyint(v / p.state_step) * p.state_step;
    if (v > p.state_max) { clamped |= bit; return p.state_max; }
    if (v < -p.state_max) { clamped |= bit; return -p.state_max; }
    return v;
}

}  // namespace
