#include "core/sim/rand.h"

#include <stdio.h>

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15U);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static uint64_t rotl(uint64_t x, int k)
{
    return (x << k) | (x >> (64 - k));
}

void sim_rand_seed(struct sim_rand *r, uint64_t seed)
{
    for (int i = 0; i < 4; i++)
        r->s[i] = splitmix(&seed);
}

uint64_t sim_rand_next(struct sim_rand *r)
{
    uint64_t *s = r->s, result = rotl(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotl(s[3], 45);
    return result;
}

int64_t sim_rand_in(struct sim_rand *r, int64_t least, int64_t most)
{
    return least + (int64_t)(sim_rand_next(r) % (uint64_t)(most - least + 1));
}

void sim_rand_uid(struct sim_rand *r, char out[37])
{
    uint64_t a = sim_rand_next(r), b = sim_rand_next(r);
    snprintf(out, 37, "%08x-%04x-4%03x-%04x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff),
             (unsigned)(0x8000 | (b >> 48 & 0x3fff)), (unsigned long long)(b & 0xffffffffffffU));
}

void sim_suffix_of(uint64_t number, char *out, size_t n)
{
    static const char safe[] = "bcdfghjklmnpqrstvwxz2456789";
    for (size_t i = 0; i < n; i++, number /= sizeof safe - 1)
        out[i] = safe[number % (sizeof safe - 1)];
    out[n] = '\0';
}

void sim_rand_suffix(struct sim_rand *r, char *out, size_t n)
{
    sim_suffix_of(sim_rand_next(r), out, n);
}

uint64_t sim_mix(uint64_t a, uint64_t b)
{
    uint64_t state = a ^ rotl(b, 32) ^ (b * 0x9e3779b97f4a7c15U);
    return splitmix(&state);
}

uint64_t sim_hash(const char *s, size_t n)
{
    uint64_t h = 0xcbf29ce484222325U;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (unsigned char)s[i]) * 0x100000001b3U;
    return h;
}

double sim_unit(uint64_t mixed)
{
    return (double)(mixed >> 11) / 9007199254740992.0;
}
