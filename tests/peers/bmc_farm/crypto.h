/* crypto.h - the keys and codes of RMCP+ cipher suites 3 and 17.
 *
 * Of libcrypto the low-level SHA contexts, deprecated in 3.0: they let the two pads of an HMAC
 * key be hashed once per key, and the farm is to be faster than whoever is measured against it. */
#ifndef BMC_FARM_CRYPTO_H
#define BMC_FARM_CRYPTO_H

#define OPENSSL_SUPPRESS_DEPRECATED 1
#include <openssl/sha.h>
#include <stddef.h>
#include <stdint.h>

enum { HASH_MAX = 32, RANDOM_SIZE = 16, GUID_SIZE = 16 };

/* A cipher suite (IPMI 2.0, table 22-20): its three algorithms and how long its codes are. */
enum suite { SUITE_3, SUITE_17, SUITES };
struct suite_facts {
    uint8_t id, authentication, integrity, confidentiality;
    uint8_t hash_size;  /* of RAKP 2 and 3's code */
    uint8_t check_size; /* of RAKP 4's, and of a packet's trailer */
};
extern const struct suite_facts suite_facts[SUITES];

struct hmac_key {
    enum suite suite;
    union {
        SHA_CTX sha1[2];
        SHA256_CTX sha256[2];
    } pads; /* inner, outer */
};
void hmac_key_set(struct hmac_key *key, enum suite suite, const void *secret, size_t size);
void hmac(const struct hmac_key *key, const void *data, size_t size, uint8_t code[HASH_MAX]);

struct session_keys {
    struct hmac_key session;   /* SIK: signs RAKP 4 */
    struct hmac_key integrity; /* K1 */
    uint8_t aes[16];           /* first half of K2 */
};
/* `identity`: both random numbers, role, user name length and user name, as the SIK wants it. */
void session_keys_derive(struct session_keys *keys, const struct hmac_key *password,
                         const void *identity, size_t size);

/* AES-128-CBC without padding; size is a multiple of 16. */
void aes_encrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
                 uint8_t *out);
void aes_decrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
                 uint8_t *out);

void random_bytes(void *out, size_t size);

#endif
