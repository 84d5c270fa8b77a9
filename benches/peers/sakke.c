/* MIKEY-SAKKE's cryptography (RFC 6507, RFC 6508) by wolfSSL, timed: sakke OPERATION ROUNDS
 *
 * Prints the nanoseconds that all rounds took. Operations: encapsulate (to an identity met for the first time),
 * encapsulate-known (its point computed before), decapsulate, sign, verify. A run checks its own results first. */
#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/eccsi.h>
#include <wolfssl/wolfcrypt/random.h>
#include <wolfssl/wolfcrypt/sakke.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MUST(call)                                                                    \
    do {                                                                              \
        int code = (call);                                                            \
        if (code != 0) {                                                              \
            fprintf(stderr, "%s: %d\n", #call, code);                                 \
            exit(1);                                                                  \
        }                                                                             \
    } while (0)

static const byte id[] = "2011-02\0tel:+447700900123";
static const byte message[] = "a MIKEY-SAKKE I_MESSAGE of about the usual size stands here";
static const enum wc_HashType hash = WC_HASH_TYPE_SHA256;

static SakkeKey kms, user;
static EccsiKey authority, signer, verifier;
static WC_RNG rng;
static ecc_point *rsk, *pvt;
static mp_int ssk;
static byte fresh[16], ssv[16], auth[257], sig[129], digest[32];
static word16 auth_len = sizeof auth;
static word32 sig_len = sizeof sig;
static byte digest_len = sizeof digest;

static void encapsulate(int known) {
    word16 n = sizeof auth;
    if (!known)
        MUST(wc_MakeSakkePointI(&user, id, sizeof id - 1));
    memcpy(ssv, fresh, sizeof ssv);
    MUST(wc_MakeSakkeEncapsulatedSSV(&user, hash, ssv, sizeof ssv, auth, &n));
    auth_len = n;
}

static void decapsulate(byte *out) {
    /* The sender's SSV, masked, travels in front of the encapsulation. */
    memcpy(out, ssv, sizeof ssv);
    MUST(wc_DeriveSakkeSSV(&user, hash, out, sizeof ssv, auth, auth_len));
}

static void sign(void) {
    sig_len = sizeof sig;
    MUST(wc_SignEccsiHash(&signer, &rng, hash, message, sizeof message, sig, &sig_len));
}

static void verify(void) {
    int good = 0;
    ecc_point *sent = wc_ecc_new_point();
    MUST(wc_DecodeEccsiPvtFromSig(&verifier, sig, sig_len, sent));
    MUST(wc_HashEccsiId(&verifier, hash, id, sizeof id - 1, sent, digest, &digest_len));
    MUST(wc_SetEccsiHash(&verifier, digest, digest_len));
    MUST(wc_VerifyEccsiHash(&verifier, hash, message, sizeof message, sig, sig_len, &good));
    wc_ecc_del_point(sent);
    if (!good) {
        fprintf(stderr, "a good signature was refused\n");
        exit(1);
    }
}

static void set_up(void) {
    byte key[512], back[16];
    word32 n = sizeof key;
    MUST(wc_InitRng(&rng));
    MUST(wc_InitSakkeKey(&kms, NULL, INVALID_DEVID));
    MUST(wc_InitSakkeKey(&user, NULL, INVALID_DEVID));
    MUST(wc_MakeSakkeKey(&kms, &rng));
    MUST(wc_ExportSakkePublicKey(&kms, key, &n, 1));
    MUST(wc_ImportSakkePublicKey(&user, key, n, 1));
    if (!(rsk = wc_ecc_new_point()) || !(pvt = wc_ecc_new_point()))
        exit(1);
    MUST(wc_MakeSakkeRsk(&kms, id, sizeof id - 1, rsk));
    MUST(wc_SetSakkeIdentity(&user, id, sizeof id - 1));
    MUST(wc_MakeSakkePointI(&user, id, sizeof id - 1));
    MUST(wc_SetSakkeRsk(&user, rsk, NULL, 0));
    MUST(wc_RNG_GenerateBlock(&rng, fresh, sizeof fresh));
    encapsulate(0);
    decapsulate(back);
    if (memcmp(back, fresh, sizeof fresh) != 0) {
        fprintf(stderr, "decapsulation gave another secret\n");
        exit(1);
    }
    MUST(wc_InitEccsiKey(&authority, NULL, INVALID_DEVID));
    MUST(wc_InitEccsiKey(&signer, NULL, INVALID_DEVID));
    MUST(wc_InitEccsiKey(&verifier, NULL, INVALID_DEVID));
    MUST(wc_MakeEccsiKey(&authority, &rng));
    MUST(mp_init(&ssk));
    MUST(wc_MakeEccsiPair(&authority, &rng, hash, id, sizeof id - 1, &ssk, pvt));
    n = sizeof key;
    MUST(wc_ExportEccsiPublicKey(&authority, key, &n, 1));
    MUST(wc_ImportEccsiPublicKey(&signer, key, n, 1));
    MUST(wc_ImportEccsiPublicKey(&verifier, key, n, 1));
    MUST(wc_HashEccsiId(&signer, hash, id, sizeof id - 1, pvt, digest, &digest_len));
    MUST(wc_SetEccsiHash(&signer, digest, digest_len));
    MUST(wc_SetEccsiPair(&signer, &ssk, pvt));
    sign();
    verify();
}

int main(int argc, char **argv) {
    struct timespec from, to;
    byte out[16];
    long rounds = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (rounds <= 0) {
        fprintf(stderr, "sakke encapsulate|encapsulate-known|decapsulate|sign|verify ROUNDS\n");
        return 2;
    }
    set_up();
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (long i = 0; i < rounds; i++) {
        if (strcmp(argv[1], "encapsulate") == 0)
            encapsulate(0);
        else if (strcmp(argv[1], "encapsulate-known") == 0)
            encapsulate(1);
        else if (strcmp(argv[1], "decapsulate") == 0)
            decapsulate(out);
        else if (strcmp(argv[1], "sign") == 0)
            sign();
        else if (strcmp(argv[1], "verify") == 0)
            verify();
        else
            return 2;
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    printf("%lld\n", (to.tv_sec - from.tv_sec) * 1000000000LL + (to.tv_nsec - from.tv_nsec));
    return 0;
}
