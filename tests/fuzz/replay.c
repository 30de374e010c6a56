/*
 * Runs a fuzz target over a folder of inputs, each whole and cut at every byte up to 4 KiB: the
 * corpus as an ordinary test, without libFuzzer.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int main(int argc, char **argv)
{
    DIR *d = argc == 2 ? opendir(argv[1]) : NULL;
    int files = 0;
    if (!d) {
        fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return 2;
    }
    for (struct dirent *de; (de = readdir(d));) {
        char path[1024];
        if (de->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], de->d_name);
        FILE *f = fopen(path, "rb");
        uint8_t *data = malloc(1 << 20);
        size_t n = f ? fread(data, 1, 1 << 20, f) : 0;
        if (f)
            fclose(f);
        for (size_t cut = 0; cut <= n && cut <= 4096; cut++) {
            uint8_t *exact = malloc(cut ? cut : 1); /* the sanitizer watches its end */
            memcpy(exact, data, cut);
            LLVMFuzzerTestOneInput(exact, cut);
            free(exact);
        }
        LLVMFuzzerTestOneInput(data, n);
        free(data);
        files++;
    }
    closedir(d);
    printf("%d passed, 0 failed, 0 skipped\n", files);
    return files == 0;
}
