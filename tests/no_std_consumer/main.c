/* Runs the static library: random bytes come from here, and the exit status says whether a sealed message opened. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

int32_t ibake_round_trip(void);

int32_t environment_random(uint8_t *out, size_t len) {
    FILE *f = fopen("/dev/urandom", "rb");
    if (f == NULL) return 1;
    size_t got = fread(out, 1, len, f);
    fclose(f);
    return got == len ? 0 : 1;
}

/* The precompiled `alloc` refers to it; with panic = "abort" nothing is ever unwound. */
void rust_eh_personality(void) {}

int main(void) {
    int32_t ok = ibake_round_trip();
    printf("no_std round trip: %s\n", ok ? "opened" : "FAILED");
    return ok ? 0 : 1;
}
