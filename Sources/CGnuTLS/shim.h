#pragma once
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

// gnutls_free is a variable and a macro at once; Swift can take neither.
static inline void cgnutls_free(void *data) { gnutls_free(data); }

// The init flags are enumerators and macros of one name, which Swift calls ambiguous.
static inline unsigned int cgnutls_quic_flags(int server) {
  return (server ? (unsigned int)GNUTLS_SERVER : (unsigned int)GNUTLS_CLIENT) | GNUTLS_NO_TICKETS |
         GNUTLS_NO_AUTO_SEND_TICKET | GNUTLS_NO_END_OF_EARLY_DATA | GNUTLS_FORCE_CLIENT_CERT | GNUTLS_NO_SIGNAL |
         GNUTLS_NONBLOCK | GNUTLS_NO_AUTO_REKEY;
}

// Function-like macro.
static inline unsigned int cgnutls_curve_bits(gnutls_ecc_curve_t curve) { return GNUTLS_CURVE_TO_BITS(curve); }

static inline void cgnutls_set_client_hello_hook(gnutls_session_t session, gnutls_handshake_hook_func hook) {
  gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_POST, hook);
}

static inline int cgnutls_set_alpn(gnutls_session_t session, const unsigned char *name, unsigned int length) {
  gnutls_datum_t protocol = {(unsigned char *)name, length};
  return gnutls_alpn_set_protocols(session, &protocol, 1, GNUTLS_ALPN_MANDATORY);
}
