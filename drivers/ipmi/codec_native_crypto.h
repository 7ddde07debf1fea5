/* codec_native_crypto.h - the codes and ciphers of cipher suites 3 (SHA-1) and 17 (SHA-256), both
 * with AES-CBC-128, by libgcrypt.
 *
 * libgcrypt, not libcrypto: libfreeipmi brings it along, it starts in 0.1 ms (libcrypto 3.0: 2),
 * and with handles kept is as fast (an HMAC of 80 bytes with a fresh key 0.4 us, AES of 32 bytes
 * 0.07 us).  One set of handles serves all BMCs; each holds the key it was used with last. */
#ifndef POWERCTL_IPMI_CODEC_NATIVE_CRYPTO_H
#define POWERCTL_IPMI_CODEC_NATIVE_CRYPTO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "drivers/ipmi/codec.h"

enum { CRYPTO_BLOCK = 16 };

struct crypto;
struct crypto *crypto_new(void); /* NULL: no memory, or libgcrypt refuses */
void crypto_free(struct crypto *crypto);

/* Of a link's suite. */
unsigned crypto_hash_size(const struct link *link);

/* The whole hash into `code`; takes a key of up to 64 bytes. 0 or -1 (libgcrypt refuses: FIPS). */
int crypto_hmac(struct crypto *crypto, const struct link *link, const void *key, size_t key_size,
                const void *data, size_t size, uint8_t code[IPMI_KEY_SIZE]);

/* In place; `size` in whole blocks, without padding. 0 or -1. */
int crypto_encrypt(struct crypto *crypto, const uint8_t key[CRYPTO_BLOCK],
                   const uint8_t iv[CRYPTO_BLOCK], uint8_t *bytes, size_t size);
int crypto_decrypt(struct crypto *crypto, const uint8_t key[CRYPTO_BLOCK],
                   const uint8_t iv[CRYPTO_BLOCK], uint8_t *bytes, size_t size);

/* A block nobody can guess. 0 or -1. */
int crypto_random(struct crypto *crypto, uint8_t out[CRYPTO_BLOCK]);

/* Takes as long whatever differs. */
bool crypto_same(const uint8_t *a, const uint8_t *b, size_t size);

#endif
