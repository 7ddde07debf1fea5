#include "tests/peers/bmc_farm/crypto.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

const struct suite_facts suite_facts[SUITES] = {
    /*              id  auth  integ  conf  hash  check */
    [SUITE_3] = {3, 1, 1, 1, 20, 12},
    [SUITE_17] = {17, 3, 4, 1, 32, 16},
};

void hmac_key_set(struct hmac_key *key, enum suite suite, const void *secret, size_t size)
{
    enum { BLOCK = 64 }; /* of both hashes; no secret here is longer */
    static const uint8_t fill[2] = {0x36, 0x5c};

    key->suite = suite;
    for (size_t side = 0; side < 2; side++) {
        uint8_t pad[BLOCK];
        memset(pad, fill[side], sizeof pad);
        for (size_t i = 0; i < size && i < BLOCK; i++)
            pad[i] ^= ((const uint8_t *)secret)[i];
        if (suite == SUITE_3) {
            SHA1_Init(&key->pads.sha1[side]);
            SHA1_Update(&key->pads.sha1[side], pad, sizeof pad);
        } else {
            SHA256_Init(&key->pads.sha256[side]);
            SHA256_Update(&key->pads.sha256[side], pad, sizeof pad);
        }
    }
}

void hmac(const struct hmac_key *key, const void *data, size_t size, uint8_t code[HASH_MAX])
{
    if (key->suite == SUITE_3) {
        SHA_CTX hash = key->pads.sha1[0];
        SHA1_Update(&hash, data, size);
        SHA1_Final(code, &hash);
        hash = key->pads.sha1[1];
        SHA1_Update(&hash, code, SHA_DIGEST_LENGTH);
        SHA1_Final(code, &hash);
    } else {
        SHA256_CTX hash = key->pads.sha256[0];
        SHA256_Update(&hash, data, size);
        SHA256_Final(code, &hash);
        hash = key->pads.sha256[1];
        SHA256_Update(&hash, code, SHA256_DIGEST_LENGTH);
        SHA256_Final(code, &hash);
    }
}

void session_keys_derive(struct session_keys *keys, const struct hmac_key *password,
                         const void *identity, size_t size)
{
    const enum suite suite = password->suite;
    const size_t hash_size = suite_facts[suite].hash_size;
    uint8_t constant[20], code[HASH_MAX];

    hmac(password, identity, size, code);
    hmac_key_set(&keys->session, suite, code, hash_size);
    memset(constant, 1, sizeof constant);
    hmac(&keys->session, constant, sizeof constant, code);
    hmac_key_set(&keys->integrity, suite, code, hash_size);
    memset(constant, 2, sizeof constant);
    hmac(&keys->session, constant, sizeof constant, code);
    memcpy(keys->aes, code, sizeof keys->aes);
}

/* Fetched once: EVP_aes_128_cbc() looks the algorithm up at every use in OpenSSL 3. */
static EVP_CIPHER_CTX *aes_context(void)
{
    static EVP_CIPHER_CTX *context;
    static EVP_CIPHER *cipher;
    if (!context) {
        cipher = EVP_CIPHER_fetch(NULL, "AES-128-CBC", NULL);
        context = EVP_CIPHER_CTX_new();
        if (!cipher || !context || !EVP_CipherInit_ex2(context, cipher, NULL, NULL, 1, NULL))
            abort();
        (void)EVP_CIPHER_CTX_set_padding(context, 0); /* stays so: only keys change */
    }
    return context;
}

static void aes_run(int encrypt, const uint8_t key[16], const uint8_t iv[16], const uint8_t *in,
                    size_t size, uint8_t *out)
{
    EVP_CIPHER_CTX *context = aes_context();
    int written;
    if (!EVP_CipherInit_ex2(context, NULL, key, iv, encrypt, NULL) ||
        !EVP_CipherUpdate(context, out, &written, in, (int)size))
        abort();
}

void aes_encrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
                 uint8_t *out)
{
    aes_run(1, key, iv, in, size, out);
}

void aes_decrypt(const uint8_t key[16], const uint8_t iv[16], const uint8_t *in, size_t size,
                 uint8_t *out)
{
    aes_run(0, key, iv, in, size, out);
}

void random_bytes(void *out, size_t size)
{
    /* Many at a time: an IV for each answer would be a system call for each answer. */
    static uint8_t pool[256];
    static size_t left;
    if (left < size) {
        if (getrandom(pool, sizeof pool, 0) != (ssize_t)sizeof pool)
            abort(); /* never short up to 256 bytes once the kernel's pool is ready */
        left = sizeof pool;
    }
    left -= size;
    memcpy(out, pool + left, size);
}
