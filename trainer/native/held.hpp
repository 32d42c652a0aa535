// An episode in which every cell acts on what it HOLDS of its neighbours: late, lost and forgotten messages.
//
// Each update makes a new row of state; a slot of a cell names the row it last heard on that edge.  So an old state costs
// an index, and the gradient flows to the very row that was read.  The living masks are the swarm's own (alphas heard,
// own alpha), applied to the cell that wakes and to no other.  Included by episode.cpp alone; it draws nothing.
#pragma once
#include "linear.hpp"

namespace {

constexpr int kSlots = 8;  // NW, N, NE, W, E, SW, S, SE

struct Held {  // one per thread, grown once and used again by every call
    std::vector<float> rows, flow, perceived, hidden, delta, dperceived;
    std::vector<int32_t> current, slots, heard, cells, fired, first;  // heard: own row and eight others, per update
    std::vector<uint32_t> clamped;
    std::vector<uint8_t> present;
    Sums sums;
};

void perceive_rows(const float* rows, const int32_t* from, int C, float* out) {
    const float* s = rows + (size_t)from[0] * C;
    const float *nw = rows + (size_t)from[1] * C, *n = rows + (size_t)from[2] * C, *ne = rows + (size_t)from[3] * C;
    const float *w = rows + (size_t)from[4] * C, *e = rows + (size_t)from[5] * C, *sw = rows + (size_t)from[6] * C;
    const float *so = rows + (size_t)from[7] * C, *se = rows + (size_t)from[8] * C;
    for (int c = 0; c < C; c++) {
        out[c] = s[c];
        out[C + c] = ((ne[c] - nw[c]) + 2.0f * (e[c] - w[c]) + (se[c] - sw[c])) * 0.125f;
        out[2 * C + c] = ((sw[c] - nw[c]) + 2.0f * (so[c] - n[c]) + (se[c] - ne[c])) * 0.125f;
    }
}

void scatter_rows(float* flow, const int32_t* from, int C, const float* d) {
    constexpr float along[9] = {0, -1, 0, 1, -2, 2, -1, 0, 1}, down[9] = {0, -1, -2, -1, 0, 0, 1, 2, 1};
    float* own = flow + (size_t)from[0] * C;
    for (int c = 0; c < C; c++) own[c] += d[c];
    for (int k = 1; k <= kSlots; k++) {
        float* g = flow + (size_t)from[k] * C;
        const float x = along[k] * 0.125f, y = down[k] * 0.125f;
        for (int c = 0; c < C; c++) g[c] += x * d[C + c] + y * d[2 * C + c];
    }
}

void held_episode(const Problem& p, const Weights& w, Held& s, int b) {
    const int C = p.channels, h = p.height, wd = p.width, wide = wd + 2, area = h * wd, full = (h + 2) * wide;
    const int cp = w.cp, hp = w.hp, pp = w.pp, planes = p.late_max + 2;
    const int offset[kSlots] = {-wide - 1, -wide, -wide + 1, -1, 1, wide - 1, wide, wide + 1};
    float* state = p.states + (size_t)b * area * C;
    const uint8_t* exists = p.exists + (size_t)b * area;
    auto place = [&](int i) { return (i / wd + 1) * wide + i % wd + 1; };

    s.current.assign(full, 0);  // row 0 is silence: zeros, whose gradient nobody asks for
    s.slots.assign((size_t)planes * full * kSlots, 0);
    s.present.assign(full, 0);
    s.first.assign(p.steps + 1, 0);
    size_t used = 1;
    room(s.rows, (size_t)(area + 1) * C);
    std::memset(s.rows.data(), 0, sizeof(float) * C);
    for (int i = 0; i < area; i++) {
        if (!exists[i]) continue;
        s.present[place(i)] = 1;
        const float* from = state + (size_t)i * C;
        bool silent = true;
        for (int c = 0; c < C; c++) silent &= from[c] == 0.0f;
        if (silent) continue;
        std::memcpy(s.rows.data() + used * C, from, sizeof(float) * C);
        s.current[place(i)] = (int32_t)used++;
    }
    for (int i = 0; i < area; i++)
        for (int k = 0; k < kSlots; k++) s.slots[(size_t)place(i) * kSlots + k] = s.current[place(i) + offset[k]];
    const size_t born = used;
    size_t updates = 0;  // update u makes row born + u
    for (int t = 0; t < p.steps; t++) {
        const size_t at = ((size_t)t * p.samples + b) * area;
        int32_t* next = s.slots.data() + (size_t)((t + 1) % planes) * full * kSlots;
        for (int i = 0; i < area; i++)
            if (p.forget[at + i] && exists[i]) {
                s.current[place(i)] = 0;
                for (int r = 0; r < planes; r++)
                    std::memset(s.slots.data() + ((size_t)r * full + place(i)) * kSlots, 0, sizeof(int32_t) * kSlots);
            }
        std::memcpy(next, s.slots.data() + (size_t)(t % planes) * full * kSlots, sizeof(int32_t) * full * kSlots);
        int32_t* cells = room(s.cells, area);
        int32_t* fired = room(s.fired, area);
        int32_t* heard = room(s.heard, (updates + area) * 9) + updates * 9;
        int n = 0, calls = 0;
        for (int i = 0; i < area; i++) {
            if (!(p.fire[at + i] & exists[i])) continue;
            const int cell = place(i);
            fired[calls++] = cell;
            const int late = p.late[at + i] < t ? p.late[at + i] : t;
            const int32_t* slot = s.slots.data() + ((size_t)((t - late) % planes) * full + cell) * kSlots;
            float alpha = s.rows[(size_t)s.current[cell] * C + kAlpha];
            for (int k = 0; k < kSlots; k++) {
                const float other = s.rows[(size_t)slot[k] * C + kAlpha];
                alpha = other > alpha ? other : alpha;
            }
            if (!(alpha > kAlive)) {
                s.current[cell] = 0;
                continue;
            }
            cells[n] = cell;
            heard[n * 9] = s.current[cell];
            std::memcpy(heard + n * 9 + 1, slot, sizeof(int32_t) * kSlots);
            n++;
        }
        const size_t start = p.backward ? updates : 0;
        float* rows = room(s.rows, (born + updates + n) * C);
        float* made = rows + (born + updates) * C;
        float* perceived = room(s.perceived, (start + n) * pp) + start * pp;
        float* hidden = room(s.hidden, (start + n) * hp) + start * hp;
        uint32_t* clamped = room(s.clamped, start + n) + start;
        float* delta = room(s.delta, (size_t)n * cp);
        for (int i = 0; i < n; i++) {
            perceive_rows(rows, heard + i * 9, C, perceived + (size_t)i * pp);
            for (int c = 3 * C; c < pp; c++) perceived[(size_t)i * pp + c] = 0.0f;
        }
        layers(p, w, perceived, hidden, delta, n);
        for (int i = 0; i < n; i++) {
            const int32_t* from = heard + i * 9;
            const float* own = rows + (size_t)from[0] * C;
            float* row = made + (size_t)i * C;
            uint32_t met = 0;
            for (int c = 0; c < C; c++) row[c] = limited(p, own[c] + delta[(size_t)i * cp + c], 1u << c, met);
            clamped[i] = met;
            float alpha = row[kAlpha];
            for (int k = 1; k <= kSlots; k++) {
                const float other = rows[(size_t)from[k] * C + kAlpha];
                alpha = other > alpha ? other : alpha;
            }
            s.current[cells[i]] = alpha > kAlive ? (int32_t)(born + updates + i) : 0;
        }
        for (int i = 0; i < calls; i++)
            for (int k = 0; k < kSlots; k++) {
                const int receiver = fired[i] - offset[k];
                if (!s.present[receiver]) continue;
                const int inner = (receiver / wide - 1) * wd + receiver % wide - 1;
                if (!(p.lost[at + inner] >> k & 1)) next[(size_t)receiver * kSlots + k] = s.current[fired[i]];
            }
        updates += n;
        s.first[t + 1] = (int32_t)updates;
    }
    const float* target = p.target + (size_t)b * area * 4;
    double loss = 0.0;
    for (int i = 0; i < area; i++) {
        std::memcpy(state + (size_t)i * C, s.rows.data() + (size_t)s.current[place(i)] * C, sizeof(float) * C);
        for (int c = 0; c < 4; c++) {
            const double e = (double)state[(size_t)i * C + c] - target[(size_t)i * 4 + c];
            loss += e * e;
        }
    }
    p.losses[b] = (float)(loss * p.loss_scale);
    if (!p.backward) return;

    // The way back: when an update is reached, all who read its row have already added to that row's gradient.
    s.sums.clear(w);
    s.flow.assign((born + updates) * C, 0.0f);
    float* flow = s.flow.data();
    const float scale = 2.0f * p.loss_scale / (float)p.samples;
    for (int i = 0; i < area; i++)
        for (int c = 0; c < 4; c++)
            flow[(size_t)s.current[place(i)] * C + c] +=
                scale * (state[(size_t)i * C + c] - target[(size_t)i * 4 + c]);
    for (int t = p.steps - 1; t >= 0; t--) {
        const size_t start = s.first[t];
        const int n = s.first[t + 1] - s.first[t];
        const int32_t* heard = s.heard.data() + start * 9;
        float* delta = room(s.delta, (size_t)n * cp);
        float* dperceived = room(s.dperceived, (size_t)n * pp);
        for (int i = 0; i < n; i++) {
            const float* g = flow + (born + start + i) * C;
            float* d = delta + (size_t)i * cp;
            for (int c = 0; c < C; c++) {
                d[c] = s.clamped[start + i] >> c & 1u ? 0.0f : g[c];
                s.sums.gb2[c] += d[c];
            }
            for (int c = C; c < cp; c++) d[c] = 0.0f;
        }
        layers_back(p, w, s.sums, s.perceived.data() + start * pp, s.hidden.data() + start * hp, delta, dperceived, n);
        for (int i = 0; i < n; i++) {
            float* own = flow + (size_t)heard[i * 9] * C;
            for (int c = 0; c < C; c++) own[c] += delta[(size_t)i * cp + c];
            scatter_rows(flow, heard + i * 9, C, dperceived + (size_t)i * pp);
        }
    }
    s.sums.write(p, w, b);
}

}  // namespace
