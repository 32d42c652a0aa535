// The fast path of training: a whole episode forward and back, only for cells that live AND fire.
// The synchronous step is here, the step of cells that act on what they hold of their neighbours in held.hpp.
//
// Same mathematics as trainer/model.py (the oracle): masks, perception, two layers, limit, loss at the last step, and the
// exact gradient with the straight-through rules stated there. It draws nothing at random (the fire draws come in as
// bytes), knows no optimiser, and adds up one gradient per sample in sample order, so the thread count changes no bit.
// Plain C++17 with GCC/Clang vector extensions; std::thread rather than OpenMP, since torch brings its own libgomp.
// One sample stays on one thread for all its steps: its grid then lives in that core's cache.
#include <atomic>
#include <new>
#include <thread>

#include "held.hpp"
#include "linear.hpp"

namespace {

struct Scratch {  // one per thread, grown once and used again by every call
    std::vector<float> grid, alpha, rowmax, delta, dperceived;
    Sums sums;
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
        layers(p, w, perceived, hidden, delta, n);
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
    s.sums.clear(w);
    std::memset(grid, 0, sizeof(float) * full * C);
    const float scale = 2.0f * p.loss_scale / (float)p.samples;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < wd; x++)
            for (int c = 0; c < 4; c++)
                grid[((size_t)(y + 1) * wide + x + 1) * C + c] =
                    scale * (state[(size_t)(y * wd + x) * C + c] - target[(size_t)(y * wd + x) * 4 + c]);
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
                s.sums.gb2[c] += g[c];
            }
            for (int c = C; c < cp; c++) d[c] = 0.0f;
        }
        layers_back(p, w, s.sums, perceived, hidden, delta, dperceived, n);
        for (int i = 0; i < n; i++) scatter(grid, wide, C, cells[i], dperceived + (size_t)i * pp);
    }
    s.sums.write(p, w, b);
}

}  // namespace

struct Rooms {  // of one thread
    Scratch step;
    Held held;
};

extern "C" void* planaria_open(int threads) { return new (std::nothrow) std::vector<Rooms>(threads); }

extern "C" void planaria_close(void* scratch) { delete (std::vector<Rooms>*)scratch; }

extern "C" int planaria_episode(const Problem* problem, void* opened) {  // 0 good, 1 out of memory
    try {
        const Problem& p = *problem;
        std::vector<Rooms>& rooms = *(std::vector<Rooms>*)opened;
        const Weights weights(p);
        std::atomic<int> next{0};
        std::atomic<int> failed{0};
        auto work = [&](size_t thread) {
            try {
                for (int b; (b = next.fetch_add(1)) < p.samples;) {
                    if (p.late) held_episode(p, weights, rooms[thread].held, b);
                    else episode(p, weights, rooms[thread].step, b);
                }
            } catch (const std::bad_alloc&) {
                failed = 1;
            }
        };
        std::vector<std::thread> others;
        for (size_t i = 1; i < rooms.size() && (int)i < p.samples; i++) others.emplace_back(work, i);
        work(0);
        for (auto& t : others) t.join();
        return failed;
    } catch (...) {
        return 1;
    }
}
