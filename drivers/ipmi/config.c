#include "drivers/ipmi/config.h"

#include <string.h>

#include "proto/cleanup.h"

static const char *const privileges[] = {"user", "operator", "admin", NULL};
enum { PRIVILEGE_LEVEL_USER = 2 };
static const char *const codecs[] = {
    [CODEC_NATIVE] = "native",
    [CODEC_FREEIPMI] = "freeipmi",
    [CODECS] = NULL,
};

/* FreeIPMI's names; in the order of enum ipmi_workaround. */
static const char *const workarounds[] = {
    [WORKAROUND_AUTHCAP] = "authcap",
    [WORKAROUND_INTEL20] = "intel20",
    [WORKAROUND_SUPERMICRO20] = "supermicro20",
    [WORKAROUND_SUN20] = "sun20",
    [WORKAROUND_OPENSESSPRIV] = "opensesspriv",
    [WORKAROUND_INTEGRITYCHECKVALUE] = "integritycheckvalue",
    [WORKAROUND_NOCHECKSUMCHECK] = "nochecksumcheck",
    NULL,
};

static const struct option rows[] = {
    OPTION(OPTION_TEXT, struct ipmi_config, host, .required = true,
           .help = "address or name of the BMC; a name is looked up once, when it is configured"),
    OPTION(OPTION_UINT, struct ipmi_config, port, .fallback = "623", .min = 1, .max = 65535,
           .help = "UDP port of the BMC"),
    OPTION(OPTION_TEXT, struct ipmi_config, credentials, .required = true,
           .help = "name of the credentials: user up to 16 bytes, password up to 20"),
    OPTION(OPTION_UINTS, struct ipmi_config, cipher_suites, .fallback = "17,3", .max = 19,
           .help = "cipher suites to try, best first; 17 is SHA-256, 3 is SHA-1, both with AES; "
                   "weaker ones are used only if they are named here"),
    OPTION(OPTION_CHOICE, struct ipmi_config, privilege, .fallback = "operator",
           .choices = privileges,
           .help = "privilege level of our sessions; power and next boot need operator"),
    OPTION(OPTION_FLAGS, struct ipmi_config, workarounds, .choices = workarounds,
           .help = "for BMCs that break the standard, by FreeIPMI's names. "
                   "intel20: 16-byte user name in RAKP 1, RAKP 3 and 4 as early Intel BMCs make "
                   "them. supermicro20: RAKP 2 may be a byte too long. sun20: the same, SHA-1 "
                   "only. integritycheckvalue: cipher suite 0 may send a check value. "
                   "nochecksumcheck: message checksums inside authenticated packets are not "
                   "looked at. authcap, opensesspriv: taken and always so: authentication "
                   "capabilities are never asked for, Open Session asks for the real privilege"),
    OPTION(OPTION_BOOL, struct ipmi_config, boot_timer, .fallback = "true",
           .help = "stop the BMC's timer that forgets the next boot after 60 s (parameter 3 = "
                   "08h); a BMC that refuses is left as it is"),
    OPTION(OPTION_UINT, struct ipmi_config, retransmit_ms, .fallback = "400", .min = 50,
           .max = 10000,
           .help = "wait before a datagram is sent again, until the BMC's own pace is known"),
    OPTION(OPTION_CHOICE, struct ipmi_config, codec, .fallback = "native", .choices = codecs,
           .help = "who makes the datagrams: native is fast and knows cipher suites 3 and 17; "
                   "freeipmi is libfreeipmi, which speaks the other suites and the handshakes of "
                   "intel20, supermicro20 and sun20 in any case"),
};

int config_login(const struct ipmi_config *config, const struct driver_credentials *credentials,
                 struct login *out, struct err *err)
{
    if (!credentials)
        return err_set(err, ERR_CONFIG, "%s: a BMC needs credentials with a user name",
                       config->host);
    size_t user = strlen(credentials->user);
    if (!user || user >= IPMI_USER_SIZE)
        return err_set(err, ERR_CONFIG, "%s: IPMI user names have 1 to %d bytes, '%s' has %zu",
                       config->host, IPMI_USER_SIZE - 1, credentials->user, user);
    if (strlen(credentials->password.bytes) > IPMI_PASSWORD_LONGEST)
        return err_set(err, ERR_CONFIG,
                       "%s: the password of '%s' is longer than the %d bytes IPMI 2.0 takes",
                       config->host, credentials->name, IPMI_PASSWORD_LONGEST);
    if (!config->cipher_suites.count)
        return err_set(err, ERR_CONFIG, "%s: cipher_suites names none", config->host);
    for (size_t i = 0; i < config->cipher_suites.count; i++)
        if (!codec_knows_suite(config->cipher_suites.value[i]))
            return err_set(err, ERR_CONFIG,
                           "%s: cipher suite %u is not known here; known are 0-3, 6-8, 11, 12 and "
                           "15-17",
                           config->host, config->cipher_suites.value[i]);
    *out = (struct login){.password = credentials->password,
                          .codec = (uint8_t)config->codec,
                          .privilege = (uint8_t)(config->privilege + PRIVILEGE_LEVEL_USER),
                          .workarounds = config->workarounds};
    memcpy(out->user, credentials->user, user + 1);
    return 0;
}

static const char *credentials_name(const void *config)
{
    const struct ipmi_config *c = config;
    return c->credentials[0] ? c->credentials : NULL;
}

const struct driver driver = {
    .name = "ipmi",
    .help = "BMCs over IPMI 2.0 (RMCP+), all of them from one event loop",
    .options = {rows, ARRAY_SIZE(rows)},
    .config_size = sizeof(struct ipmi_config),
    .credentials = credentials_name,
    .engine = &ipmi_engine,
};
