#ifndef PODLING_OPENSSL_H
#define PODLING_OPENSSL_H

#include <openssl/bio.h>
#include <openssl/buffer.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

// Swift sees neither macros with arguments nor OpenSSL's typed stacks: each has its function here.

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#error "Podling needs OpenSSL 3.0 or later"
#endif

static inline int podling_ctx_set_min_version(SSL_CTX *ctx, int version) {
    return (int)SSL_CTX_set_min_proto_version(ctx, version);
}

static inline void podling_ctx_set_max_version(SSL_CTX *ctx, int version) {
    SSL_CTX_set_max_proto_version(ctx, version);
}

// No compression, renegotiation or tickets; the server chooses the cipher.
static inline void podling_ctx_set_options(SSL_CTX *ctx) {
    SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_TICKET
                                 | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_clear_options(ctx, SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_mode(ctx, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
}

static inline int podling_ctx_set_groups(SSL_CTX *ctx, const char *list) {
    return (int)SSL_CTX_set1_groups_list(ctx, list);
}

// Takes over `certificate` where it returns 1.
static inline int podling_ctx_add_chain_certificate(SSL_CTX *ctx, X509 *certificate) {
    return (int)SSL_CTX_add0_chain_cert(ctx, certificate);
}

static inline int podling_set_server_name(SSL *ssl, const char *name) {
    return (int)SSL_set_tlsext_host_name(ssl, name);
}

// Makes an empty BIO report the end of the file instead of "retry later".
static inline void podling_bio_set_end(BIO *bio) { BIO_set_mem_eof_return(bio, 0); }

static inline long podling_bio_memory(BIO *bio, char **bytes) { return BIO_get_mem_data(bio, bytes); }

// A memory BIO keeps its capacity when it is emptied, unless it is given new memory.
static inline void podling_bio_empty(BIO *bio, int gives_back_room) {
    BUF_MEM *memory = gives_back_room ? BUF_MEM_new() : NULL;
    if (memory != NULL) (void)BIO_set_mem_buf(bio, memory, BIO_CLOSE);
    (void)BIO_reset(bio);
}

// Prints a distinguished name in the format of RFC 2253; control characters are escaped.
static inline int podling_distinguished_name(BIO *bio, const X509_NAME *name) {
    return X509_NAME_print_ex(bio, name, 0, XN_FLAG_RFC2253);
}

// The names of a certificate, to be freed with podling_names_free; NULL where it has none.
static inline GENERAL_NAMES *podling_names(const X509 *certificate) {
    return (GENERAL_NAMES *)X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
}

static inline int podling_names_count(const GENERAL_NAMES *names) { return sk_GENERAL_NAME_num(names); }

static inline void podling_names_free(GENERAL_NAMES *names) { GENERAL_NAMES_free(names); }

// The GEN_... kind of a name; its bytes where they are text or an address, else none.
static inline int podling_names_at(const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *count) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, index);
    const ASN1_STRING *text = NULL;
    if (name->type == GEN_DNS || name->type == GEN_URI || name->type == GEN_EMAIL) text = name->d.ia5;
    if (name->type == GEN_IPADD) text = name->d.iPAddress;
    *bytes = text == NULL ? NULL : ASN1_STRING_get0_data(text);
    *count = text == NULL ? 0 : ASN1_STRING_length(text);
    return name->type;
}

#endif
