// The fast path of training: a whole episode forward and back, only for cells that live AND fire.
//
// Same mathematics as trainer/model.py (the oracle): masks, perception, two layers, limit, loss at the last step, and the
// exact gradient with the straight-through rules stated there. It draws nothing at random (the fire draws come in as
// bytes), knows no optimiser, and adds up one gradient per sample in sample order, so the thread count changes no bit.
// Plain C++17 with GCC/Clang vector extensions; std::thread rather than OpenMP, since torch brings its own libgomp.
// One sample stays on one thread for all its steps: its grid then lives in that core's cache.
#include <atomic>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <new>
#include <thread>
#include <vector>

namespace {

typedef float v8 __attribute__((vector_size(32), aligned(4)));  // unaligned on purpose: rows need only float alignment

constexpr int kRows = 6;    // 6 x 16 floats = 12 accumulators, the most that 16 vector registers take
constexpr int kCols = 16;
constexpr int kBlock = 48;  // cells a block: 48 hidden rows stay within the first-level cache beside a weight tile
constexpr float kAlive = 0.1f;
constexpr int kAlpha = 3;

struct Problem {  // mirrored by trainer/native.py; all arrays contiguous float32 or uint8
    int32_t samples, height, width, steps, channels, hidden, limit, backward;
    float hidden_max, state_step, state_max, loss_scale;
    const float *w1, *b1, *w2, *b2;  // [3C,H] [H] [H,C] [C]
    float* states;                   // [B,h,w,C], in and out
    const uint8_t* exists;           // [B,h,w]: 0 = no cell there, never fires, holds zeros
    const uint8_t* fire;             // [T,B,h,w]
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

struct Scratch {  // one per thread, grown once and used again by every call
    std::vector<float> grid, alpha, rowmax, delta, dhidden, dperceived, gw1, gb1, gw2, gb2;
    std::vector<uint8_t> pre, present, holds, alive;
    std::vector<float> perceived, hidden;  // the tape: a row per update of the episode
    std::vector<uint32_t> clamped;         // bit c: channel c met the limit
    std::vector<int32_t> cells, first;     // padded index of each update; where each step's updates begin
};

void living(const std::vector<float>& alpha, std::vector<float>& rowmax, std::vector<uint8_t>& out, int h, int wide) {
    const float* a = alpha.data();
    float* r = rowmax.data();
    const int n = (h + 2) * wide;
    for (int i = 1; i < n - 1; i++) {
        float m = a[i - 1] > a[i] ? a[i - 1] : a[i];
        r[i] = m > a[i + 1] ? m : a[i + 1];
    }
    uint8_t* o = out.data();
    for (int i = wide; i < n - wide; i++) {
        float m = r[i - wide] > r[i] ? r[i - wide] : r[i];
        m = m > r[i + wide] ? m : r[i + wide];
        o[i] = m > kAlive;
    }
}

void perceive(const float* grid, int wide, int C, int at, float* out) {
    const int up = -wide * C, down = wide * C;
    const float* s = grid + (size_t)at * C;
    for (int c = 0; c < C; c++) {
        const float nw = s[up - C + c], n = s[up + c], ne = s[up + C + c], w = s[c - C], e = s[c + C];
        const float sw = s[down - C + c], so = s[down + c], se = s[down + C + c];
        out[c] = s[c];
        out[C + c] = ((ne - nw) + 2.0f * (e - w) + (se - sw)) * 0.125f;
        out[2 * C + c] = ((sw - nw) + 2.0f * (so - n) + (se - ne)) * 0.125f;
    }
}

void scatter(float* grad, int wide, int C, int at, const float* d) {
    const int up = -wide * C, down = wide * C;
    float* g = grad + (size_t)at * C;
    for (int c = 0; c < C; c++) {
        const float x = d[C + c] * 0.125f, y = d[2 * C + c] * 0.125f;
        g[c] += d[c];
        g[up - C + c] -= x + y;
        g[up + c] -= 2.0f * y;
        g[up + C + c] += x - y;
        g[c - C] -= 2.0f * x;
        g[c + C] += 2.0f * x;
        g[down - C + c] += y - x;
        g[down + c] += 2.0f * y;
        g[down + C + c] += x + y;
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

void episode(const Problem& p, const Weights& w, Scratch& s, int b) {
    const int C = p.channels, h = p.height, wd = p.width, wide = wd + 2, area = h * wd, full = (h + 2) * wide;
    const int cp = w.cp, hp = w.hp, pp = w.pp;
    s.grid.assign((size_t)full * C, 0.0f);
    s.alpha.assign(full, 0.0f);
    s.rowmax.assign(full, 0.0f);
    s.pre.assign(full, 0);
    s.present.assign(full, 0);
    s.holds.assign(full, 0);
    s.alive.assign((size_t)full * (p.backward ? p.steps : 1), 0);
    s.first.assign(p.steps + 1, 0);
    float* grid = s.grid.data();
    float* state = p.states + (size_t)b * area * C;
    const uint8_t* exists = p.exists + (size_t)b * area;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < wd; x++) {
            const int at = (y + 1) * wide + x + 1;
            if (!exists[y * wd + x]) continue;
            s.present[at] = s.holds[at] = 1;
            std::memcpy(grid + (size_t)at * C, state + (size_t)(y * wd + x) * C, sizeof(float) * C);
            s.alpha[at] = grid[(size_t)at * C + kAlpha];
        }
    living(s.alpha, s.rowmax, s.pre, h, wide);
    size_t used = 0;
    for (int t = 0; t < p.steps; t++) {
        const uint8_t* fire = p.fire + ((size_t)t * p.samples + b) * area;
        uint8_t* alive = s.alive.data() + (p.backward ? (size_t)t * full : 0);
        const size_t start = p.backward ? used : 0;
        int32_t* cells = room(s.cells, start + area);
        int n = 0;
        for (int y = 0; y < h; y++)
            for (int x = 0; x < wd; x++) {
                const int at = (y + 1) * wide + x + 1;
                cells[start + n] = at;  // branch-free: overwritten unless it counts
                n += (s.pre[at] & s.present[at] & (fire[y * wd + x] != 0));
            }
        cells += start;
        float* perceived = room(s.perceived, (start + n) * pp) + start * pp;
        float* hidden = room(s.hidden, (start + n) * hp) + start * hp;
        uint32_t* clamped = room(s.clamped, start + n) + start;
        float* delta = room(s.delta, (size_t)n * cp);
        for (int i = 0; i < n; i++) {
            perceive(grid, wide, C, cells[i], perceived + (size_t)i * pp);
            for (int c = 3 * C; c < pp; c++) perceived[(size_t)i * pp + c] = 0.0f;
        }
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
        for (int i = 0; i < n; i++) {
            float* cell = grid + (size_t)cells[i] * C;
            uint32_t met = 0;
            for (int c = 0; c < C; c++) cell[c] = limited(p, cell[c] + delta[(size_t)i * cp + c], 1u << c, met);
            clamped[i] = met;
            s.alpha[cells[i]] = cell[kAlpha];
            s.holds[cells[i]] = 1;
        }
        std::memcpy(alive, s.pre.data(), full);
        living(s.alpha, s.rowmax, s.pre, h, wide);
        // The mask after this step is the mask before the next: what is zeroed here had alpha <= 0.1 and kept nobody alive.
        for (int i = 0; i < full; i++) {
            alive[i] &= s.pre[i] & s.present[i];
            if (s.holds[i] & !alive[i]) {
                std::memset(grid + (size_t)i * C, 0, sizeof(float) * C);
                s.alpha[i] = 0.0f;
                s.holds[i] = 0;
            }
        }
        if (p.backward) used += n;
        s.first[t + 1] = (int32_t)used;
    }
    for (int y = 0; y < h; y++)
        std::memcpy(state + (size_t)y * wd * C, grid + ((size_t)(y + 1) * wide + 1) * C, sizeof(float) * wd * C);
    const float* target = p.target + (size_t)b * area * 4;
    double loss = 0.0;
    for (int i = 0; i < area; i++)
        for (int c = 0; c < 4; c++) {
            const double e = (double)state[(size_t)i * C + c] - target[(size_t)i * 4 + c];
            loss += e * e;
        }
    p.losses[b] = (float)(loss * p.loss_scale);
    if (!p.backward) return;

    // The way back. `grid` becomes the gradient of the state after step t.
    s.gw1.assign((size_t)pp * hp, 0.0f);
    s.gb1.assign(hp, 0.0f);
    s.gw2.assign((size_t)hp * cp, 0.0f);
    s.gb2.assign(cp, 0.0f);
    std::memset(grid, 0, sizeof(float) * full * C);
    const float scale = 2.0f * p.loss_scale / (float)p.samples;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < wd; x++)
            for (int c = 0; c < 4; c++)
                grid[((size_t)(y + 1) * wide + x + 1) * C + c] =
                    scale * (state[(size_t)(y * wd + x) * C + c] - target[(size_t)(y * wd + x) * 4 + c]);
    float* dhidden = room(s.dhidden, (size_t)kBlock * hp);
    for (int t = p.steps - 1; t >= 0; t--) {
        const uint8_t* alive = s.alive.data() + (size_t)t * full;
        for (int i = 0; i < full; i++)
            if (!alive[i]) std::memset(grid + (size_t)i * C, 0, sizeof(float) * C);
        const size_t start = s.first[t];
        const int n = s.first[t + 1] - s.first[t];
        const int32_t* cells = s.cells.data() + start;
        const float* perceived = s.perceived.data() + start * pp;
        const float* hidden = s.hidden.data() + start * hp;
        const uint32_t* clamped = s.clamped.data() + start;
        float* delta = room(s.delta, (size_t)n * cp);
        float* dperceived = room(s.dperceived, (size_t)n * pp);
        for (int i = 0; i < n; i++) {
            float* g = grid + (size_t)cells[i] * C;
            float* d = delta + (size_t)i * cp;
            for (int c = 0; c < C; c++) {
                if (clamped[i] >> c & 1u) g[c] = 0.0f;
                d[c] = g[c];
                s.gb2[c] += g[c];
            }
            for (int c = C; c < cp; c++) d[c] = 0.0f;
        }
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
        for (int i = 0; i < n; i++) scatter(grid, wide, C, cells[i], dperceived + (size_t)i * pp);
    }
    const int H = p.hidden;
    float* g = p.gradients + (size_t)b * (3 * C * H + H + H * C + C);
    for (int i = 0; i < 3 * C; i++, g += H) std::memcpy(g, s.gw1.data() + (size_t)i * hp, sizeof(float) * H);
    std::memcpy(g, s.gb1.data(), sizeof(float) * H);
    g += H;
    for (int j = 0; j < H; j++, g += C) std::memcpy(g, s.gw2.data() + (size_t)j * cp, sizeof(float) * C);
    std::memcpy(g, s.gb2.data(), sizeof(float) * C);
}

}  // namespace

extern "C" void* planaria_open(int threads) { return new (std::nothrow) std::vector<Scratch>(threads); }

extern "C" void planaria_close(void* scratch) { delete (std::vector<Scratch>*)scratch; }

extern "C" int planaria_episode(const Problem* problem, void* opened) {  // 0 good, 1 out of memory
    try {
        const Problem& p = *problem;
        std::vector<Scratch>& scratch = *(std::vector<Scratch>*)opened;
        const Weights weights(p);
        std::atomic<int> next{0};
        std::atomic<int> failed{0};
        auto work = [&](size_t thread) {
            try {
                for (int b; (b = next.fetch_add(1)) < p.samples;) episode(p, weights, scratch[thread], b);
            } catch (const std::bad_alloc&) {
                failed = 1;
            }
        };
        std::vector<std::thread> others;
        for (size_t i = 1; i < scratch.size() && (int)i < p.samples; i++) others.emplace_back(work, i);
        work(0);
        for (auto& t : others) t.join();
        return failed;
    } catch (...) {
        return 1;
    }
}
