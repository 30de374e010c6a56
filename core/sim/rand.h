/*
 * core/sim/rand.h - the one source of chance of a simulated platform: the same seed, the same
 * numbers.
 *
 * sim_rand   a stream: each number drawn moves it, so only the world draws from it
 * sim_mix    no state: what is asked for from outside (a health check, a log line) is a function of
 *            the seed, the name and the virtual second, so that looking changes nothing
 *
 * Thread   any (pure)      Source   splitmix64 and xoshiro256** by Blackman and Vigna
 */
#ifndef SIM_RAND_H
#define SIM_RAND_H

#include <stddef.h>
#include <stdint.h>

struct sim_rand {
    uint64_t s[4];
};

void sim_rand_seed(struct sim_rand *r, uint64_t seed);
uint64_t sim_rand_next(struct sim_rand *r);
int64_t sim_rand_in(struct sim_rand *r, int64_t least, int64_t most); /* both may come */
void sim_rand_uid(struct sim_rand *r, char out[37]);                  /* a version 4 UUID */
/* n characters as Kubernetes ends its names with: no vowels, nothing that looks like another. */
void sim_rand_suffix(struct sim_rand *r, char *out, size_t n);
void sim_suffix_of(uint64_t number, char *out, size_t n);

uint64_t sim_mix(uint64_t a, uint64_t b);
uint64_t sim_hash(const char *s, size_t n); /* FNV-1a */
double sim_unit(uint64_t mixed);            /* [0, 1) */

#endif
