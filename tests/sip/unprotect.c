/* How many SRTP packets libsrtp accepts. The file has a line of hexadecimal with master key and salt (16 and 14 bytes,
 * AES_CM_128_HMAC_SHA1_80), then one line a packet. Prints "ACCEPTED REFUSED". */
#include <srtp2/srtp.h>
#include <stdio.h>
#include <string.h>

static int unhex(const char *line, unsigned char *out, int room) {
    int n = 0;
    unsigned int byte;
    while (n < room && sscanf(line + 2 * n, "%2x", &byte) == 1) out[n++] = (unsigned char)byte;
    return n;
}

int main(int argc, char **argv) {
    static char line[8192];
    unsigned char key[30];
    union {
        unsigned char bytes[4096];
        uint32_t aligned;
    } packet;
    srtp_policy_t policy;
    srtp_t session;
    int accepted = 0, refused = 0;
    FILE *in = argc == 2 ? fopen(argv[1], "r") : NULL;
    if (!in || !fgets(line, sizeof line, in) || unhex(line, key, sizeof key) != sizeof key) return 2;
    memset(&policy, 0, sizeof policy);
    srtp_crypto_policy_set_rtp_default(&policy.rtp);
    srtp_crypto_policy_set_rtcp_default(&policy.rtcp);
    policy.ssrc.type = ssrc_any_inbound;
    policy.key = key;
    policy.window_size = 1024;
    if (srtp_init() != srtp_err_status_ok || srtp_create(&session, &policy) != srtp_err_status_ok) return 3;
    while (fgets(line, sizeof line, in)) {
        int length = unhex(line, packet.bytes, sizeof packet.bytes - SRTP_MAX_TRAILER_LEN);
        if (srtp_unprotect(session, packet.bytes, &length) == srtp_err_status_ok) accepted++;
        else refused++;
    }
    printf("%d %d\n", accepted, refused);
    srtp_dealloc(session);
    srtp_shutdown();
    fclose(in);
    return 0;
}
