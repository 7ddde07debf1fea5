#include "drivers/ipmi/codec_native_crypto.h"

#include <gcrypt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum { HASHES = 2, POOL_SIZE = 256 }; /* as much as getrandom() gives without interruption */

static const struct {
    int algorithm;
    unsigned size;
} hashes[HASHES] = {{GCRY_MD_SHA1, 20}, {GCRY_MD_SHA256, 32}};

struct crypto {
    gcry_md_hd_t hash[HASHES];
    gcry_cipher_hd_t cipher;
    uint8_t pool[POOL_SIZE];
    size_t left;
};

static unsigned hash_of(const struct link *link)
{
    return link->suite == 17;
}

unsigned crypto_hash_size(const struct link *link)
{
    return hashes[hash_of(link)].size;
}

struct crypto *crypto_new(void)
{
    if (!gcry_control(GCRYCTL_INITIALIZATION_FINISHED_P)) {
        /* Secure memory is 32 KiB of locked pages, and the keys live in our own structs anyway. */
        if (!gcry_check_version("1.8.0") || gcry_control(GCRYCTL_DISABLE_SECMEM, 0))
            return NULL;
        (void)gcry_control(GCRYCTL_INITIALIZATION_FINISHED, 0);
    }
    struct crypto *crypto = calloc(1, sizeof *crypto);
    bool ok =
        crypto && !gcry_cipher_open(&crypto->cipher, GCRY_CIPHER_AES128, GCRY_CIPHER_MODE_CBC, 0);
    for (unsigned i = 0; ok && i < HASHES; i++)
        ok = !gcry_md_open(&crypto->hash[i], (int)hashes[i].algorithm, GCRY_MD_FLAG_HMAC);
    if (ok)
        return crypto;
    crypto_free(crypto);
    return NULL;
}

void crypto_free(struct crypto *crypto)
{
    if (!crypto)
        return;
    for (unsigned i = 0; i < HASHES; i++)
        gcry_md_close(crypto->hash[i]);
    gcry_cipher_close(crypto->cipher);
    explicit_bzero(crypto, sizeof *crypto);
    free(crypto);
}

int crypto_hmac(struct crypto *crypto, const struct link *link, const void *key, size_t key_size,
                const void *data, size_t size, uint8_t code[IPMI_KEY_SIZE])
{
    gcry_md_hd_t hash = crypto->hash[hash_of(link)];
    if (gcry_md_setkey(hash, key, key_size))
        return -1;
    gcry_md_write(hash, data, size);
    memcpy(code, gcry_md_read(hash, 0), hashes[hash_of(link)].size);
    return 0;
}

static bool key_cipher(struct crypto *crypto, const uint8_t *key, const uint8_t *iv)
{
    return !gcry_cipher_setkey(crypto->cipher, key, CRYPTO_BLOCK) &&
           !gcry_cipher_setiv(crypto->cipher, iv, CRYPTO_BLOCK);
}

int crypto_encrypt(struct crypto *crypto, const uint8_t key[CRYPTO_BLOCK],
                   const uint8_t iv[CRYPTO_BLOCK], uint8_t *bytes, size_t size)
{
    bool done =
        key_cipher(crypto, key, iv) && !gcry_cipher_encrypt(crypto->cipher, bytes, size, NULL, 0);
    return done ? 0 : -1;
}

int crypto_decrypt(struct crypto *crypto, const uint8_t key[CRYPTO_BLOCK],
                   const uint8_t iv[CRYPTO_BLOCK], uint8_t *bytes, size_t size)
{
    bool done =
        key_cipher(crypto, key, iv) && !gcry_cipher_decrypt(crypto->cipher, bytes, size, NULL, 0);
    return done ? 0 : -1;
}

int crypto_random(struct crypto *crypto, uint8_t out[CRYPTO_BLOCK])
{
    if (!crypto->left) {
        if (getrandom(crypto->pool, sizeof crypto->pool, 0) != sizeof crypto->pool)
            return -1;
        crypto->left = sizeof crypto->pool;
    }
    crypto->left -= CRYPTO_BLOCK;
    memcpy(out, crypto->pool + crypto->left, CRYPTO_BLOCK);
    return 0;
}

bool crypto_same(const uint8_t *a, const uint8_t *b, size_t size)
{
    unsigned different = 0;
    for (size_t i = 0; i < size; i++)
        different |= (unsigned)(a[i] ^ b[i]);
    return different == 0;
}
