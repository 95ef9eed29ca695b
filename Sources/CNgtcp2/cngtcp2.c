#include "CNgtcp2.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <ngtcp2/ngtcp2.h>
#include <ngtcp2/ngtcp2_crypto.h>
#include <ngtcp2/ngtcp2_crypto_gnutls.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_1 (NGTCP2_VERSION_NUM >= 0x010000)
// ngtcp2_conn_info counts lost packets; before, only streams do.
#define COUNTS_LOSSES (NGTCP2_VERSION_NUM >= 0x011000)

#if VERSION_1
#define close_error ngtcp2_ccerr
#define close_error_default ngtcp2_ccerr_default
#define close_error_set_alert ngtcp2_ccerr_set_tls_alert
#define close_error_set_library ngtcp2_ccerr_set_liberr
#define close_error_set_application ngtcp2_ccerr_set_application_error
#define CLOSE_APPLICATION NGTCP2_CCERR_TYPE_APPLICATION
typedef ngtcp2_encryption_level level_type;
#else
#define close_error ngtcp2_connection_close_error
#define close_error_default ngtcp2_connection_close_error_default
#define close_error_set_alert ngtcp2_connection_close_error_set_transport_error_tls_alert
#define close_error_set_library ngtcp2_connection_close_error_set_transport_error_liberr
#define close_error_set_application ngtcp2_connection_close_error_set_application_error
#define CLOSE_APPLICATION NGTCP2_CONNECTION_CLOSE_ERROR_CODE_TYPE_APPLICATION
typedef ngtcp2_crypto_level level_type;
#endif

struct cng_conn {
  ngtcp2_crypto_conn_ref ref;
  ngtcp2_conn *conn;
  gnutls_session_t session;
  void *owner;
  close_error remote_close;
  // Of streams that are closed.
  uint64_t stream_losses;
  uint8_t secret[CNG_SECRET_BYTES];
  uint8_t shard;
};

const int CNG_WRITE_MORE = NGTCP2_ERR_WRITE_MORE, CNG_STREAM_BLOCKED = NGTCP2_ERR_STREAM_DATA_BLOCKED,
          CNG_STREAM_SHUT = NGTCP2_ERR_STREAM_SHUT_WR, CNG_STREAM_NOT_FOUND = NGTCP2_ERR_STREAM_NOT_FOUND,
          CNG_DRAINING = NGTCP2_ERR_DRAINING, CNG_DROP_CONN = NGTCP2_ERR_DROP_CONN, CNG_RETRY = NGTCP2_ERR_RETRY,
          CNG_IDLE_CLOSE = NGTCP2_ERR_IDLE_CLOSE, CNG_HANDSHAKE_TIMEOUT = NGTCP2_ERR_HANDSHAKE_TIMEOUT,
          CNG_CRYPTO = NGTCP2_ERR_CRYPTO, CNG_STREAM_ID_BLOCKED = NGTCP2_ERR_STREAM_ID_BLOCKED,
          CNG_VERSION_MISMATCH = NGTCP2_ERR_RECV_VERSION_NEGOTIATION;
const uint64_t CNG_INVALID_TOKEN = NGTCP2_INVALID_TOKEN, CNG_CONNECTION_REFUSED = NGTCP2_CONNECTION_REFUSED,
               CNG_CRYPTO_ERROR_BASE = 0x100;

static const cng_callbacks *owner_callbacks;
void cng_set_callbacks(const cng_callbacks *callbacks) { owner_callbacks = callbacks; }

const char *cng_words(int error) { return ngtcp2_strerror(error); }
const char *cng_version(void) { return ngtcp2_version(0)->version_str; }

// --- Small conversions

static cng_cid from_cid(const ngtcp2_cid *cid) {
  cng_cid copy = {.length = (uint8_t)cid->datalen};
  memcpy(copy.bytes, cid->data, cid->datalen);
  return copy;
}

static ngtcp2_cid to_cid(const cng_cid *cid) {
  ngtcp2_cid copy;
  ngtcp2_cid_init(&copy, cid->bytes, cid->length);
  return copy;
}

static void random_bytes(uint8_t *bytes, size_t length) { gnutls_rnd(GNUTLS_RND_NONCE, bytes, length); }

static ngtcp2_cid new_cid(uint8_t shard, size_t length) {
  ngtcp2_cid cid;
  cid.datalen = length;
  random_bytes(cid.data, length);
  cid.data[0] = shard;
  return cid;
}

static ngtcp2_path path_of(const clinux_address *local, const clinux_address *remote) {
  ngtcp2_path path = {.local = {(ngtcp2_sockaddr *)&local->u, local->length},
                      .remote = {(ngtcp2_sockaddr *)&remote->u, remote->length}};
  return path;
}

static void copy_address(clinux_address *to, const ngtcp2_addr *from) {
  if (from->addrlen > sizeof to->u) {
    to->length = 0;
    return;
  }
  memcpy(&to->u, from->addr, from->addrlen);
  to->length = from->addrlen;
}

// --- Callbacks of ngtcp2

#define OWNER ((cng_conn *)user_data)->owner

static void on_random(uint8_t *bytes, size_t length, const ngtcp2_rand_ctx *context) {
  (void)context;
  random_bytes(bytes, length);
}

static int on_new_cid(ngtcp2_conn *conn, ngtcp2_cid *cid, uint8_t *token, size_t length, void *user_data) {
  (void)conn;
  cng_conn *c = user_data;
  *cid = new_cid(c->shard, length);
  if (ngtcp2_crypto_generate_stateless_reset_token(token, c->secret, sizeof c->secret, cid))
    return NGTCP2_ERR_CALLBACK_FAILURE;
  cng_cid copy = from_cid(cid);
  owner_callbacks->cid_added(c->owner, &copy);
  return 0;
}

static int on_remove_cid(ngtcp2_conn *conn, const ngtcp2_cid *cid, void *user_data) {
  (void)conn;
  cng_cid copy = from_cid(cid);
  owner_callbacks->cid_removed(OWNER, &copy);
  return 0;
}

static int on_crypto_data(ngtcp2_conn *conn, level_type level, uint64_t offset, const uint8_t *data, size_t length,
                          void *user_data) {
  // Post-handshake messages (tickets) after the session was given up are of no use to us.
  if (!((cng_conn *)user_data)->session) return 0;
  return ngtcp2_crypto_recv_crypto_data_cb(conn, level, offset, data, length, user_data);
}

static int on_stream_data(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t offset, const uint8_t *data,
                          size_t length, void *user_data, void *stream) {
  (void)conn, (void)offset;
  return owner_callbacks->stream_data(OWNER, stream, id, data, length, flags & NGTCP2_STREAM_DATA_FLAG_FIN)
             ? NGTCP2_ERR_CALLBACK_FAILURE
             : 0;
}

static int on_acknowledged(ngtcp2_conn *conn, int64_t id, uint64_t offset, uint64_t length, void *user_data,
                           void *stream) {
  (void)conn, (void)id;
  if (stream) owner_callbacks->stream_acknowledged(OWNER, stream, offset + length);
  return 0;
}

static int on_stream_open(ngtcp2_conn *conn, int64_t id, void *user_data) {
  (void)conn;
  return owner_callbacks->stream_opened(OWNER, id) ? NGTCP2_ERR_CALLBACK_FAILURE : 0;
}

static int on_stream_close(ngtcp2_conn *conn, uint32_t flags, int64_t id, uint64_t code, void *user_data,
                           void *stream) {
  (void)flags, (void)code;
  if (!ngtcp2_conn_is_local_stream(conn, id) && ngtcp2_is_bidi_stream(id)) ngtcp2_conn_extend_max_streams_bidi(conn, 1);
  ((cng_conn *)user_data)->stream_losses += ngtcp2_conn_get_stream_loss_count(conn, id);
  if (stream) owner_callbacks->stream_closed(OWNER, stream, id);
  return 0;
}

static int on_stream_reset(ngtcp2_conn *conn, int64_t id, uint64_t final_size, uint64_t code, void *user_data,
                           void *stream) {
  (void)conn, (void)id, (void)final_size;
  if (stream) owner_callbacks->stream_reset(OWNER, stream, code);
  return 0;
}

static int on_stream_writable(ngtcp2_conn *conn, int64_t id, uint64_t maximum, void *user_data, void *stream) {
  (void)conn, (void)id, (void)maximum;
  if (stream) owner_callbacks->stream_writable(OWNER, stream);
  return 0;
}

static int on_streams_available(ngtcp2_conn *conn, uint64_t maximum, void *user_data) {
  (void)conn, (void)maximum;
  owner_callbacks->streams_available(OWNER);
  return 0;
}

static int on_completed(ngtcp2_conn *conn, void *user_data) {
  (void)conn;
  owner_callbacks->handshake_completed(OWNER);
  return 0;
}

static int on_confirmed(ngtcp2_conn *conn, void *user_data) {
  (void)conn;
  owner_callbacks->handshake_confirmed(OWNER);
  return 0;
}

static int on_stateless_reset(ngtcp2_conn *conn, const ngtcp2_pkt_stateless_reset *reset, void *user_data) {
  (void)conn, (void)reset;
  owner_callbacks->stateless_reset(OWNER);
  return 0;
}

static int on_path_validation(ngtcp2_conn *conn, uint32_t flags, const ngtcp2_path *path,
#if VERSION_1
                              const ngtcp2_path *old_path,
#endif
                              ngtcp2_path_validation_result result, void *user_data) {
  (void)conn, (void)flags, (void)path;
#if VERSION_1
  (void)old_path;
#endif
  // A later validation took its place.
  if (result == NGTCP2_PATH_VALIDATION_RESULT_ABORTED) return 0;
  owner_callbacks->path_validated(OWNER, result == NGTCP2_PATH_VALIDATION_RESULT_SUCCESS);
  return 0;
}

static int on_dcid_status(ngtcp2_conn *conn,
#if VERSION_1
                          ngtcp2_connection_id_status_type type,
#else
                          int type,
#endif
                          uint64_t sequence, const ngtcp2_cid *cid, const uint8_t *token, void *user_data) {
  (void)conn, (void)sequence, (void)cid;
  if (token) owner_callbacks->reset_token(OWNER, token, type == NGTCP2_CONNECTION_ID_STATUS_TYPE_ACTIVATE);
  return 0;
}

static const ngtcp2_callbacks callbacks = {
    .client_initial = ngtcp2_crypto_client_initial_cb,
    .recv_client_initial = ngtcp2_crypto_recv_client_initial_cb,
    .recv_crypto_data = on_crypto_data,
    .handshake_completed = on_completed,
    .encrypt = ngtcp2_crypto_encrypt_cb,
    .decrypt = ngtcp2_crypto_decrypt_cb,
    .hp_mask = ngtcp2_crypto_hp_mask_cb,
    .recv_stream_data = on_stream_data,
    .acked_stream_data_offset = on_acknowledged,
    .stream_open = on_stream_open,
    .stream_close = on_stream_close,
    .recv_stateless_reset = on_stateless_reset,
    .recv_retry = ngtcp2_crypto_recv_retry_cb,
    .extend_max_local_streams_bidi = on_streams_available,
    .rand = on_random,
    .get_new_connection_id = on_new_cid,
    .remove_connection_id = on_remove_cid,
    .update_key = ngtcp2_crypto_update_key_cb,
    .path_validation = on_path_validation,
    .stream_reset = on_stream_reset,
    .extend_max_stream_data = on_stream_writable,
    .dcid_status = on_dcid_status,
    .handshake_confirmed = on_confirmed,
    .delete_crypto_aead_ctx = ngtcp2_crypto_delete_crypto_aead_ctx_cb,
    .delete_crypto_cipher_ctx = ngtcp2_crypto_delete_crypto_cipher_ctx_cb,
    .get_path_challenge_data = ngtcp2_crypto_get_path_challenge_data_cb,
    .version_negotiation = ngtcp2_crypto_version_negotiation_cb,
};

// --- Life of a connection

static ngtcp2_conn *conn_of_ref(ngtcp2_crypto_conn_ref *ref) { return ((cng_conn *)ref->user_data)->conn; }

cng_conn *cng_conn_new(void *owner) {
  cng_conn *c = calloc(1, sizeof *c);
  if (!c) abort();
  c->ref.get_conn = conn_of_ref;
  c->ref.user_data = c;
  c->owner = owner;
  return c;
}

void cng_conn_free(cng_conn *c) {
  ngtcp2_conn_del(c->conn);
  gnutls_memset(c->secret, 0, sizeof c->secret);
  free(c);
}

void *cng_conn_session_pointer(cng_conn *c) { return &c->ref; }
void *cng_owner_of_session(void *session) {
  return ((cng_conn *)((ngtcp2_crypto_conn_ref *)gnutls_session_get_ptr(session))->user_data)->owner;
}

int cng_configure_session(void *session, bool server) {
  return (server ? ngtcp2_crypto_gnutls_configure_server_session(session)
                 : ngtcp2_crypto_gnutls_configure_client_session(session))
             ? -1
             : 0;
}

static void apply(const cng_settings *s, uint64_t now, ngtcp2_settings *settings, ngtcp2_transport_params *params) {
  ngtcp2_settings_default(settings);
  settings->initial_ts = now;
#if VERSION_1
  settings->cc_algo = s->bbr ? NGTCP2_CC_ALGO_BBR : NGTCP2_CC_ALGO_CUBIC;
#else
  settings->cc_algo = s->bbr ? NGTCP2_CC_ALGO_BBR2 : NGTCP2_CC_ALGO_CUBIC;
#endif
  settings->handshake_timeout = s->handshake_timeout_ns;
  settings->max_window = s->connection_window_max;
  settings->max_stream_window = s->stream_window_max;
  ngtcp2_transport_params_default(params);
  params->initial_max_data = s->connection_window;
  params->initial_max_stream_data_bidi_local = s->stream_window;
  params->initial_max_stream_data_bidi_remote = s->stream_window;
  params->initial_max_streams_bidi = s->streams_bidi_max;
  // libp2p has no use for unidirectional streams.
  params->initial_max_streams_uni = 0;
  params->max_idle_timeout = s->idle_timeout_ns;
  params->active_connection_id_limit = 4;
  params->grease_quic_bit = 0;
}

static int started(cng_conn *c, int result, gnutls_session_t session, const ngtcp2_cid *scid) {
  if (result) return result;
  c->session = session;
  ngtcp2_conn_set_tls_native_handle(c->conn, session);
  cng_cid copy = from_cid(scid);
  owner_callbacks->cid_added(c->owner, &copy);
  return 0;
}

int cng_client_start(cng_conn *c, void *session, const cng_settings *s, const clinux_address *local,
                     const clinux_address *remote, uint64_t now) {
  ngtcp2_settings settings;
  ngtcp2_transport_params params;
  apply(s, now, &settings, &params);
  memcpy(c->secret, s->secret, sizeof c->secret);
  c->shard = s->shard;
  ngtcp2_cid dcid = new_cid(0, 18), scid = new_cid(s->shard, CNG_LOCAL_CID_BYTES);
  random_bytes(dcid.data, 1);
  ngtcp2_path path = path_of(local, remote);
  int result = ngtcp2_conn_client_new(&c->conn, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1, &callbacks, &settings,
                                      &params, NULL, c);
  return started(c, result, session, &scid);
}

int cng_server_start(cng_conn *c, void *session, const cng_settings *s, const clinux_address *local,
                     const clinux_address *remote, const cng_initial *initial, uint64_t now) {
  ngtcp2_settings settings;
  ngtcp2_transport_params params;
  apply(s, now, &settings, &params);
  memcpy(c->secret, s->secret, sizeof c->secret);
  c->shard = s->shard;
  ngtcp2_cid scid = new_cid(s->shard, CNG_LOCAL_CID_BYTES), remote_scid = to_cid(&initial->scid);
#if VERSION_1
  settings.token = initial->token;
  settings.tokenlen = initial->token_length;
  params.original_dcid_present = 1;
#else
  settings.token.base = (uint8_t *)initial->token;
  settings.token.len = initial->token_length;
#endif
  if (initial->original_dcid.length) {
    params.original_dcid = to_cid(&initial->original_dcid);
    params.retry_scid = to_cid(&initial->dcid);
    params.retry_scid_present = 1;
  } else {
    params.original_dcid = to_cid(&initial->dcid);
  }
  params.stateless_reset_token_present = 1;
  if (ngtcp2_crypto_generate_stateless_reset_token(params.stateless_reset_token, c->secret, sizeof c->secret, &scid))
    return NGTCP2_ERR_CALLBACK_FAILURE;
  ngtcp2_path path = path_of(local, remote);
  int result = ngtcp2_conn_server_new(&c->conn, &remote_scid, &scid, &path, initial->version, &callbacks, &settings,
                                      &params, NULL, c);
  return started(c, result, session, &scid);
}

void cng_forget_session(cng_conn *c) {
  c->session = NULL;
  ngtcp2_conn_set_tls_native_handle(c->conn, NULL);
}

// --- Packets of a connection

int cng_read(cng_conn *c, const clinux_address *local, const clinux_address *remote, uint8_t ecn, const uint8_t *data,
             size_t length, uint64_t now) {
  ngtcp2_path path = path_of(local, remote);
  ngtcp2_pkt_info info = {.ecn = ecn};
  return ngtcp2_conn_read_pkt(c->conn, &path, &info, data, length, now);
}

int cng_handle_expiry(cng_conn *c, uint64_t now) { return ngtcp2_conn_handle_expiry(c->conn, now); }
uint64_t cng_expiry(cng_conn *c) { return ngtcp2_conn_get_expiry(c->conn); }

static void route_of(cng_route *route, const ngtcp2_path_storage *storage, const ngtcp2_pkt_info *info) {
  copy_address(&route->local, &storage->path.local);
  copy_address(&route->remote, &storage->path.remote);
  route->ecn = (uint8_t)info->ecn;
}

int64_t cng_write_stream(cng_conn *c, cng_route *route, uint8_t *packet, size_t capacity, int64_t *accepted, bool more,
                         bool finish, int64_t stream, const cng_vector *vectors, size_t count, uint64_t now) {
  _Static_assert(sizeof(cng_vector) == sizeof(ngtcp2_vec), "cng_vector has the layout of ngtcp2_vec");
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info = {0};
  ngtcp2_ssize taken = -1;
  uint32_t flags = (more ? NGTCP2_WRITE_STREAM_FLAG_MORE : 0) | (finish ? NGTCP2_WRITE_STREAM_FLAG_FIN : 0);
  ngtcp2_ssize written = ngtcp2_conn_writev_stream(c->conn, &storage.path, &info, packet, capacity, &taken, flags,
                                                   stream, (const ngtcp2_vec *)vectors, count, now);
  *accepted = taken;
  if (written > 0) route_of(route, &storage, &info);
  return written;
}

void cng_sent(cng_conn *c, uint64_t now) { ngtcp2_conn_update_pkt_tx_time(c->conn, now); }

int64_t cng_write_close(cng_conn *c, cng_route *route, uint8_t *packet, size_t capacity, int error, uint64_t code,
                        const uint8_t *reason, size_t reason_length, uint64_t now) {
  close_error e;
  close_error_default(&e);
  if (error == NGTCP2_ERR_CRYPTO) close_error_set_alert(&e, ngtcp2_conn_get_tls_alert(c->conn), reason, reason_length);
  else if (error) close_error_set_library(&e, error, reason, reason_length);
  else close_error_set_application(&e, code, reason, reason_length);
  ngtcp2_path_storage storage;
  ngtcp2_path_storage_zero(&storage);
  ngtcp2_pkt_info info = {0};
  ngtcp2_ssize written =
      ngtcp2_conn_write_connection_close(c->conn, &storage.path, &info, packet, capacity, &e, now);
  if (written > 0) {
    route_of(route, &storage, &info);
    if (!route->remote.length) cng_path(c, &route->local, &route->remote);
  }
  return written;
}

void cng_remote_close(cng_conn *c, cng_close *close) {
#if VERSION_1
  c->remote_close = *ngtcp2_conn_get_ccerr(c->conn);
#else
  ngtcp2_conn_get_connection_close_error(c->conn, &c->remote_close);
#endif
  close->application = c->remote_close.type == CLOSE_APPLICATION;
  close->code = c->remote_close.error_code;
  close->reason = c->remote_close.reason;
  close->reason_length = c->remote_close.reasonlen;
}

uint8_t cng_tls_alert(cng_conn *c) { return ngtcp2_conn_get_tls_alert(c->conn); }

// --- Streams

int cng_open_stream(cng_conn *c, int64_t *id, void *stream) { return ngtcp2_conn_open_bidi_stream(c->conn, id, stream); }
void cng_set_stream(cng_conn *c, int64_t id, void *stream) { ngtcp2_conn_set_stream_user_data(c->conn, id, stream); }
bool cng_is_bidirectional(int64_t id) { return ngtcp2_is_bidi_stream(id); }

#if VERSION_1
#define SHUTDOWN(name, c, id, code) name((c)->conn, 0, id, code)
#else
#define SHUTDOWN(name, c, id, code) name((c)->conn, id, code)
#endif
void cng_reset_stream(cng_conn *c, int64_t id, uint64_t code) { SHUTDOWN(ngtcp2_conn_shutdown_stream, c, id, code); }
void cng_stop_stream(cng_conn *c, int64_t id, uint64_t code) { SHUTDOWN(ngtcp2_conn_shutdown_stream_read, c, id, code); }

void cng_consumed(cng_conn *c, int64_t id, size_t length) {
  if (id >= 0) ngtcp2_conn_extend_max_stream_offset(c->conn, id, length);
  ngtcp2_conn_extend_max_offset(c->conn, length);
}

uint64_t cng_connection_credit(cng_conn *c) { return ngtcp2_conn_get_max_data_left(c->conn); }
uint64_t cng_streams_left(cng_conn *c) { return ngtcp2_conn_get_streams_bidi_left(c->conn); }

// --- Properties

size_t cng_packet_size(cng_conn *c) { return ngtcp2_conn_get_max_tx_udp_payload_size(c->conn); }
size_t cng_path_packet_size(cng_conn *c) { return ngtcp2_conn_get_path_max_tx_udp_payload_size(c->conn); }
size_t cng_send_quantum(cng_conn *c) { return ngtcp2_conn_get_send_quantum(c->conn); }
uint64_t cng_probe_timeout(cng_conn *c) { return ngtcp2_conn_get_pto(c->conn); }

void cng_path(cng_conn *c, clinux_address *local, clinux_address *remote) {
  const ngtcp2_path *path = ngtcp2_conn_get_path(c->conn);
  copy_address(local, &path->local);
  copy_address(remote, &path->remote);
}

uint64_t cng_remote_idle_timeout(cng_conn *c) {
  const ngtcp2_transport_params *params = ngtcp2_conn_get_remote_transport_params(c->conn);
  return params && params->max_idle_timeout ? params->max_idle_timeout : UINT64_MAX;
}

void cng_set_keep_alive(cng_conn *c, uint64_t timeout_ns) {
#if VERSION_1
  if (timeout_ns == 0) timeout_ns = UINT64_MAX;
#endif
  ngtcp2_conn_set_keep_alive_timeout(c->conn, timeout_ns);
}

int cng_update_key(cng_conn *c, uint64_t now) { return ngtcp2_conn_initiate_key_update(c->conn, now); }

int cng_migrate(cng_conn *c, const clinux_address *local, const clinux_address *remote, uint64_t now) {
  ngtcp2_path path = path_of(local, remote);
  return ngtcp2_conn_initiate_immediate_migration(c->conn, &path, now);
}

size_t cng_local_cids(cng_conn *c, cng_cid *cids, size_t maximum) {
  ngtcp2_cid found[64];
#if VERSION_1
  size_t count = ngtcp2_conn_get_scid(c->conn, NULL);
#else
  size_t count = ngtcp2_conn_get_num_scid(c->conn);
#endif
  // active_connection_id_limit is at most 8, and retired ones leave soon: 64 is never reached.
  if (count > 64) return 0;
  ngtcp2_conn_get_scid(c->conn, found);
  if (count > maximum) count = maximum;
  for (size_t i = 0; i < count; i++) cids[i] = from_cid(&found[i]);
  return count;
}

size_t cng_reset_tokens(cng_conn *c, uint8_t *tokens, size_t maximum) {
  ngtcp2_cid_token found[16];
#if VERSION_1
  size_t count = ngtcp2_conn_get_active_dcid(c->conn, NULL);
#else
  size_t count = ngtcp2_conn_get_num_active_dcid(c->conn);
#endif
  if (count > 16) return 0;
  ngtcp2_conn_get_active_dcid(c->conn, found);
  size_t written = 0;
  for (size_t i = 0; i < count && written < maximum; i++)
    if (found[i].token_present) memcpy(tokens + CNG_TOKEN_BYTES * written++, found[i].token, CNG_TOKEN_BYTES);
  return written;
}

void cng_get_statistics(cng_conn *c, cng_statistics *s) {
#if VERSION_1
  ngtcp2_conn_info info;
  ngtcp2_conn_get_conn_info(c->conn, &info);
  s->rtt_known = info.latest_rtt != 0;
#else
  ngtcp2_conn_stat info;
  ngtcp2_conn_get_conn_stat(c->conn, &info);
  s->rtt_known = info.first_rtt_sample_ts != UINT64_MAX;
#endif
  s->rtt_latest_ns = info.latest_rtt;
  s->rtt_min_ns = info.min_rtt;
  s->rtt_smoothed_ns = info.smoothed_rtt;
  s->rtt_variance_ns = info.rttvar;
  s->congestion_window = info.cwnd;
  s->bytes_in_flight = info.bytes_in_flight;
#if COUNTS_LOSSES
  s->packets_lost = info.pkt_lost;
#else
  s->packets_lost = c->stream_losses;
#endif
}

uint64_t cng_open_stream_losses(cng_conn *c, int64_t id) {
#if COUNTS_LOSSES
  (void)c, (void)id;
  return 0;
#else
  return ngtcp2_conn_get_stream_loss_count(c->conn, id);
#endif
}

// --- Packets without a connection

static cng_cid raw_cid(const uint8_t *bytes, size_t length) {
  cng_cid cid = {.length = (uint8_t)(length > CNG_CID_BYTES_MAX ? CNG_CID_BYTES_MAX : length)};
  memcpy(cid.bytes, bytes, cid.length);
  return cid;
}

cng_decoded cng_decode(const uint8_t *data, size_t length, uint32_t *version, cng_cid *dcid, cng_cid *scid) {
  ngtcp2_version_cid found;
  int result = ngtcp2_pkt_decode_version_cid(&found, data, length, CNG_LOCAL_CID_BYTES);
  if (result && result != NGTCP2_ERR_VERSION_NEGOTIATION) return CNG_DROP;
  // Longer ids exist only in versions that are not ours.
  if (found.dcidlen > CNG_CID_BYTES_MAX || found.scidlen > CNG_CID_BYTES_MAX) return CNG_DROP;
  *version = found.version;
  *dcid = raw_cid(found.dcid, found.dcidlen);
  *scid = raw_cid(found.scid, found.scidlen);
  if (result == NGTCP2_ERR_VERSION_NEGOTIATION) return CNG_VERSION_NEGOTIATION;
  // The library also takes drafts; a long header of those gets version negotiation like any other (RFC 9000 §6).
  if ((data[0] & 0x80) && found.version != NGTCP2_PROTO_VER_V1 && found.version != 0)
    return length >= 1200 ? CNG_VERSION_NEGOTIATION : CNG_DROP;
  return CNG_ROUTE;
}

int cng_accept(const uint8_t *data, size_t length, cng_initial *initial) {
  ngtcp2_pkt_hd hd;
  if (ngtcp2_accept(&hd, data, length) != 0 || hd.version != NGTCP2_PROTO_VER_V1) return -1;
  memset(initial, 0, sizeof *initial);
  initial->version = hd.version;
  initial->dcid = from_cid(&hd.dcid);
  initial->scid = from_cid(&hd.scid);
#if VERSION_1
  initial->token = hd.token;
  initial->token_length = hd.tokenlen;
#else
  initial->token = hd.token.base;
  initial->token_length = hd.token.len;
#endif
  return 0;
}

int64_t cng_write_version_negotiation(uint8_t *packet, size_t capacity, const cng_cid *dcid, const cng_cid *scid) {
  // A reserved version beside ours, so that clients keep ignoring what they do not know (RFC 9000 §6.3).
  uint32_t versions[2] = {0x1a2a3a4a, NGTCP2_PROTO_VER_V1};
  uint8_t random;
  random_bytes(&random, 1);
  return ngtcp2_pkt_write_version_negotiation(packet, capacity, random, scid->bytes, scid->length, dcid->bytes,
                                              dcid->length, versions, 2);
}

bool cng_is_retry_token(const cng_initial *initial) {
  return initial->token_length > 0 && initial->token[0] == NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY;
}

int64_t cng_write_retry(uint8_t *packet, size_t capacity, const cng_initial *initial, const clinux_address *remote,
                        const uint8_t *secret, uint8_t shard, uint64_t now) {
  ngtcp2_cid scid = new_cid(shard, CNG_LOCAL_CID_BYTES), dcid = to_cid(&initial->dcid),
             remote_scid = to_cid(&initial->scid);
  uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN];
  ngtcp2_ssize length = ngtcp2_crypto_generate_retry_token(token, secret, CNG_SECRET_BYTES, initial->version,
                                                           &remote->u.any, remote->length, &scid, &dcid, now);
  if (length < 0) return length;
  return ngtcp2_crypto_write_retry(packet, capacity, initial->version, &remote_scid, &scid, &dcid, token,
                                   (size_t)length);
}

int cng_verify_retry(cng_initial *initial, const clinux_address *remote, const uint8_t *secret, uint64_t timeout_ns,
                     uint64_t now) {
  ngtcp2_cid original, dcid = to_cid(&initial->dcid);
  if (ngtcp2_crypto_verify_retry_token(&original, initial->token, initial->token_length, secret, CNG_SECRET_BYTES,
                                       initial->version, &remote->u.any, remote->length, &dcid, timeout_ns, now))
    return -1;
  initial->original_dcid = from_cid(&original);
  return 0;
}

int64_t cng_write_refusal(uint8_t *packet, size_t capacity, const cng_initial *initial, uint64_t code,
                          const uint8_t *reason, size_t reason_length) {
  ngtcp2_cid dcid = to_cid(&initial->scid), scid = to_cid(&initial->dcid);
  return ngtcp2_crypto_write_connection_close(packet, capacity, initial->version, &dcid, &scid, code, reason,
                                              reason_length);
}

int64_t cng_write_stateless_reset(uint8_t *packet, size_t length, const uint8_t *secret, const cng_cid *dcid) {
  uint8_t token[CNG_TOKEN_BYTES], random[64];
  if (length < 21 || length - CNG_TOKEN_BYTES > sizeof random) return -1;
  ngtcp2_cid cid = to_cid(dcid);
  if (ngtcp2_crypto_generate_stateless_reset_token(token, secret, CNG_SECRET_BYTES, &cid)) return -1;
  random_bytes(random, length - CNG_TOKEN_BYTES);
  return ngtcp2_pkt_write_stateless_reset(packet, length, token, random, length - CNG_TOKEN_BYTES);
}
