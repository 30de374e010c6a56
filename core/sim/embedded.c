/* The assembler takes the files in as they are; the Makefile knows that this object depends on
 * them. */
#include "core/base/text.h"
#include "core/sim/story.h"

#define EMBED(symbol, file)                                                                        \
    __asm__(".section .rodata\n.global story_" #symbol "\nstory_" #symbol ":\n.incbin "            \
            "\"conf/stories/" file ".yaml\"\n.byte 0\n.previous\n");                               \
    extern const char story_##symbol[]

EMBED(platform, "platform");
EMBED(bad_release, "bad-release");
EMBED(slow_release, "slow-release");
EMBED(good_release, "good-release");
EMBED(slow_burn, "slow-burn");
EMBED(flaky_probe, "flaky-probe");
EMBED(dependency_down, "dependency-down");
EMBED(observer_lost, "observer-lost");
EMBED(noisy_neighbour, "noisy-neighbour");

const char *const story_names[] = { "bad-release",   "slow-release",    "good-release",
                                    "slow-burn",     "flaky-probe",     "dependency-down",
                                    "observer-lost", "noisy-neighbour", NULL };

const char *story_embedded(void *ctx, const char *name)
{
    static const char *const texts[] = { story_bad_release,   story_slow_release,
                                         story_good_release,  story_slow_burn,
                                         story_flaky_probe,   story_dependency_down,
                                         story_observer_lost, story_noisy_neighbour };
    (void)ctx;
    for (size_t i = 0; story_names[i]; i++) {
        if (text_eq(story_names[i], name))
            return texts[i];
    }
    return text_eq(name, "platform") ? story_platform : NULL;
}
