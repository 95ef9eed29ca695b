#pragma once
#include <secp256k1.h>

// Flag macros are casts and sums that Swift does not import.
static inline secp256k1_context *csecp256k1_context_create(void) {
  return secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
}

static inline int csecp256k1_serialize_compressed(
    const secp256k1_context *context, unsigned char *output, const secp256k1_pubkey *key) {
  size_t length = 33;
  return secp256k1_ec_pubkey_serialize(context, output, &length, key, SECP256K1_EC_COMPRESSED);
}
