/* GStreamer's MIKEY. `mikey read` takes a message in hexadecimal a line and prints what it read, then the bytes that it makes of
 * that again; `mikey make` prints messages of its own in the same way. One field a line, "end" after each message. */
#include <gst/sdp/gstmikey.h>
#include <stdio.h>
#include <string.h>

static void hex(const char *name, const guint8 *bytes, gsize n) {
    printf("%s ", name);
    for (gsize i = 0; i < n; i++) printf("%02x", bytes[i]);
    printf("\n");
}

static void key(const GstMIKEYPayloadKeyData *k) {
    printf("key type %d validity %d\n", k->key_type, k->kv_type);
    hex("key", k->key_data, k->key_len);
    hex("salt", k->salt_data, k->salt_len);
    for (int i = 0; i < 2; i++)
        if (k->kv_data[i]) hex("valid", k->kv_data[i], k->kv_len[i]);
}

static void payload(const GstMIKEYPayload *p) {
    switch (p->type) {
    case GST_MIKEY_PT_T: {
        const GstMIKEYPayloadT *t = (const GstMIKEYPayloadT *)p;
        printf("time type %d\n", t->type);
        hex("time", t->ts_value, t->type == GST_MIKEY_TS_TYPE_COUNTER ? 4 : 8);
        break;
    }
    case GST_MIKEY_PT_RAND: {
        const GstMIKEYPayloadRAND *r = (const GstMIKEYPayloadRAND *)p;
        hex("rand", r->rand, r->len);
        break;
    }
    case GST_MIKEY_PT_SP: {
        const GstMIKEYPayloadSP *s = (const GstMIKEYPayloadSP *)p;
        printf("policy %u protocol %d\n", s->policy, s->proto);
        for (guint i = 0; i < gst_mikey_payload_sp_get_n_params(p); i++) {
            const GstMIKEYPayloadSPParam *q = gst_mikey_payload_sp_get_param(p, i);
            printf("type %d ", q->type);
            hex("value", q->val, q->len);
        }
        break;
    }
    case GST_MIKEY_PT_KEMAC: {
        const GstMIKEYPayloadKEMAC *k = (const GstMIKEYPayloadKEMAC *)p;
        printf("kemac encryption %d mac %d\n", k->enc_alg, k->mac_alg);
        for (guint i = 0; i < gst_mikey_payload_kemac_get_n_sub(p); i++) {
            const GstMIKEYPayload *sub = gst_mikey_payload_kemac_get_sub(p, i);
            if (sub->type == GST_MIKEY_PT_KEY_DATA) key((const GstMIKEYPayloadKeyData *)sub);
        }
        break;
    }
    default:
        printf("payload %d\n", p->type);
    }
}

static int print(GstMIKEYMessage *m) {
    GError *error = NULL;
    GBytes *bytes;
    gsize n;
    printf("version %d type %d v %d prf %d csb %08x\n", m->version, m->type, m->V != FALSE, m->prf_func, m->CSB_id);
    for (guint i = 0; i < gst_mikey_message_get_n_cs(m); i++) {
        const GstMIKEYMapSRTP *cs = gst_mikey_message_get_cs_srtp(m, i);
        printf("stream policy %d ssrc %08x roc %08x\n", cs->policy, cs->ssrc, cs->roc);
    }
    for (guint i = 0; i < gst_mikey_message_get_n_payloads(m); i++) payload(gst_mikey_message_get_payload(m, i));
    bytes = gst_mikey_message_to_bytes(m, NULL, &error);
    if (!bytes) return 1;
    const guint8 *data = g_bytes_get_data(bytes, &n);
    hex("bytes", data, n);
    printf("end\n");
    g_bytes_unref(bytes);
    return 0;
}

static int read_all(void) {
    static char line[65536];
    static guint8 bytes[32768];
    while (fgets(line, sizeof line, stdin)) {
        gsize n = 0;
        unsigned int byte;
        GError *error = NULL;
        while (n < sizeof bytes && sscanf(line + 2 * n, "%2x", &byte) == 1) bytes[n++] = (guint8)byte;
        GstMIKEYMessage *m = gst_mikey_message_new_from_data(bytes, n, NULL, &error);
        if (!m) {
            printf("refused\nend\n");
            g_clear_error(&error);
            continue;
        }
        if (print(m)) return 1;
        gst_mikey_message_unref(m);
    }
    return 0;
}

static GstMIKEYPayload *policy(guint number, guint8 key_length) {
    GstMIKEYPayload *p = gst_mikey_payload_new(GST_MIKEY_PT_SP);
    const guint8 one = 1, tag = 10, auth = 20;
    gst_mikey_payload_sp_set(p, number, GST_MIKEY_SEC_PROTO_SRTP);
    gst_mikey_payload_sp_add_param(p, GST_MIKEY_SP_SRTP_ENC_ALG, 1, &one);
    gst_mikey_payload_sp_add_param(p, GST_MIKEY_SP_SRTP_ENC_KEY_LEN, 1, &key_length);
    gst_mikey_payload_sp_add_param(p, GST_MIKEY_SP_SRTP_AUTH_ALG, 1, &one);
    gst_mikey_payload_sp_add_param(p, GST_MIKEY_SP_SRTP_AUTH_KEY_LEN, 1, &auth);
    gst_mikey_payload_sp_add_param(p, GST_MIKEY_SP_SRTP_AUTH_TAG_LEN, 1, &tag);
    return p;
}

static int make_all(void) {
    const guint8 salt[14] = {0xa0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0xff};
    const guint8 counter[4] = {0, 0, 1, 2}, from[4] = {0, 0, 0, 1}, to[4] = {0xff, 0, 0, 0}, spi[4] = {1, 2, 3, 4};
    guint8 long_key[46];
    for (guint i = 0; i < sizeof long_key; i++) long_key[i] = (guint8)(i * 5 + 1);
    for (int n = 0; n < 6; n++) {
        GstMIKEYMessage *m = gst_mikey_message_new();
        gst_mikey_message_set_info(m, GST_MIKEY_VERSION, n == 3 ? GST_MIKEY_TYPE_PSK_VERIFY : GST_MIKEY_TYPE_PSK_INIT, n % 2,
                                   GST_MIKEY_PRF_MIKEY_1, 0xfedcba98u + (guint)n, GST_MIKEY_MAP_TYPE_SRTP);
        for (int i = 0; i < n; i++) gst_mikey_message_add_cs_srtp(m, (guint8)(i % 2), 0x01020304u * (guint)(i + 1), (guint32)i);
        if (n == 4) gst_mikey_message_add_t(m, GST_MIKEY_TS_TYPE_COUNTER, counter);
        else gst_mikey_message_add_t_now_ntp_utc(m);
        gst_mikey_message_add_rand_len(m, (guint8)(16 + 8 * n));
        if (n > 0) gst_mikey_message_add_payload(m, policy(0, 16));
        if (n > 1) gst_mikey_message_add_payload(m, policy(1, 32));
        GstMIKEYPayload *kemac = gst_mikey_payload_new(GST_MIKEY_PT_KEMAC);
        gst_mikey_payload_kemac_set(kemac, GST_MIKEY_ENC_NULL, n == 5 ? GST_MIKEY_MAC_HMAC_SHA_1_160 : GST_MIKEY_MAC_NULL);
        for (int i = 0; i < 1 + n / 3; i++) {
            GstMIKEYPayload *k = gst_mikey_payload_new(GST_MIKEY_PT_KEY_DATA);
            gst_mikey_payload_key_data_set_key(k, GST_MIKEY_KD_TEK, (guint16)(16 + 15 * i), long_key + i);
            if (n % 2) gst_mikey_payload_key_data_set_salt(k, sizeof salt, salt);
            if (n == 2) gst_mikey_payload_key_data_set_spi(k, sizeof spi, spi);
            if (n == 4) gst_mikey_payload_key_data_set_interval(k, sizeof from, from, sizeof to, to);
            gst_mikey_payload_kemac_add_sub(kemac, k);
        }
        gst_mikey_message_add_payload(m, kemac);
        if (print(m)) return 1;
        gst_mikey_message_unref(m);
    }
    return 0;
}

int main(int argc, char **argv) {
    gst_init(NULL, NULL);
    if (argc == 2 && !strcmp(argv[1], "read")) return read_all();
    if (argc == 2 && !strcmp(argv[1], "make")) return make_all();
    return 2;
}
