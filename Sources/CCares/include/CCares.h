// DNS look-ups by c-ares as calls that block: what Swift cannot express of it (callbacks with foreign lists, fd sets).
#pragma once
#include <stddef.h>
#include <stdint.h>

typedef struct {
  // 4 or 16.
  uint8_t length;
  uint8_t bytes[16];
  // Seconds; 0 for what /etc/hosts has.
  uint32_t ttl;
} ccares_address;

enum { CCARES_TEXT_BYTES_MAX = 1024 };

typedef struct {
  uint16_t length;
  uint8_t bytes[CCARES_TEXT_BYTES_MAX];
  uint32_t ttl;
} ccares_text;

// `family`: 4, 6, or 0 for both. `servers`: NULL for the system's, or `192.0.2.53,[2001:db8::53]:5353`.
// Returns how many of at most `maximum` were found, or a negative status for ccares_words.
int ccares_addresses(const char *name, int family, const char *servers, int timeout_ms, ccares_address *found,
                     int maximum);
// TXT records; one that is longer than CCARES_TEXT_BYTES_MAX is left out.
int ccares_texts(const char *name, const char *servers, int timeout_ms, ccares_text *found, int maximum);
const char *ccares_words(int status);
// 0 when `servers` can be used.
int ccares_check_servers(const char *servers);
