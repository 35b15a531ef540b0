internal import COpenSSL
import NIOCore

/// One TLS connection without I/O: takes the peer's ciphertext, and returns plaintext and the ciphertext to send.
///
/// After every call, even one that threw, send what `takeCiphertext` returns: it holds alerts and answers to key
/// updates as well as data. Not thread-safe.
package struct TLSEngine: ~Copyable {
    package enum State: Sendable, Equatable {
        case handshaking
        case open
        /// This side has sent close_notify; the peer may still send.
        case closing
        /// The peer has sent close_notify. All its data was delivered.
        case closed
        /// An error was thrown; nothing is read or written any more.
        case failed
    }

    /// The most plaintext in one record (RFC 8446, section 5.1).
    package static let recordBytesMax = 16_384
    /// AES-GCM is safe for 2^24.5 full records a key (RFC 8446, section 5.5).
    static let recordsPerKeyMax = 1 << 23
    /// Output capacity that an idle connection keeps.
    private static let outputBytesKept = 2 * recordBytesMax
    /// Minimum capacity for a read.
    static let readBytesMin = 2_048

    let ssl: OpaquePointer
    /// Owned by `ssl`, as is `output`.
    private let input: OpaquePointer
    private let output: OpaquePointer
    let context: TLSContext
    /// The server that a client means to reach; nil on the server's side.
    let wanted: PeerName?
    let record: VerificationRecord
    package private(set) var state = State.handshaking
    /// The first byte from the peer, which distinguishes TLS from plaintext.
    private(set) var firstByte: UInt8?
    private var recordsWritten = 0

    /// The client's side of a connection to `host`, which is a name or an address.
    ///
    /// - Throws: `TLSError` of kind `configuration`.
    package init(client context: TLSContext, host: PeerName) throws(TLSError) {
        try self.init(context, wanted: host)
    }

    /// The server's side.
    ///
    /// - Throws: `TLSError` of kind `configuration`.
    package init(server context: TLSContext) throws(TLSError) {
        try self.init(context, wanted: nil)
    }

    private init(_ context: TLSContext, wanted: PeerName?) throws(TLSError) {
        OpenSSLErrors.clear()
        guard let ssl = SSL_new(context.handle) else { throw Self.cannotBegin() }
        let record = VerificationRecord()
        let memory: (input: OpaquePointer, output: OpaquePointer)
        do throws(TLSError) {
            memory = try Self.attachMemory(to: ssl)
            guard record.attach(to: ssl) else { throw Self.cannotBegin() }
            switch (context.side, wanted) {
            case (.client(let mode, let sendsServerName), let wanted?):
                try Self.expect(wanted, mode, sendsServerName, ssl)
                SSL_set_connect_state(ssl)
            case (.server, nil): SSL_set_accept_state(ssl)
            default: throw .configuration("TLS: a context of the other side was given")
            }
        } catch {
            SSL_free(ssl)
            throw error
        }
        self.ssl = ssl
        (input, output) = memory
        self.context = context
        self.wanted = wanted
        self.record = record
    }

    deinit { SSL_free(ssl) }

    private static func attachMemory(to ssl: OpaquePointer) throws(TLSError) -> (OpaquePointer, OpaquePointer) {
        let (input, output) = (BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()))
        guard let input, let output else {
            BIO_free(input)
            BIO_free(output)
            throw cannotBegin()
        }
        SSL_set_bio(ssl, input, output)
        return (input, output)
    }

    private static func cannotBegin() -> TLSError {
        .configuration("TLS: OpenSSL cannot begin a connection: \(OpenSSLErrors.take().text)")
    }

    /// Names are matched against subjectAltNames only; a wildcard must be a whole first label.
    private static func expect(
        _ wanted: PeerName,
        _ mode: TLSMode,
        _ sendsServerName: Bool,
        _ ssl: OpaquePointer
    ) throws(TLSError) {
        // RFC 6066, section 3: SNI carries no addresses.
        if sendsServerName, wanted.kind == .host, podling_set_server_name(ssl, wanted.text) != 1 { throw cannotBegin() }
        guard mode == .verifyFull else { return }
        let parameters = SSL_get0_param(ssl)
        let flags = UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)
        X509_VERIFY_PARAM_set_hostflags(parameters, flags)
        let code =
            wanted.kind == .host
            ? X509_VERIFY_PARAM_set1_host(parameters, wanted.text, 0)
            : X509_VERIFY_PARAM_set1_ip_asc(parameters, wanted.text)
        guard code == 1 else { throw cannotBegin() }
    }

    /// Starts the handshake; a client then has output.
    package mutating func start() throws(TLSError) { try handshake() }

    /// Processes ciphertext from the peer.
    ///
    /// - Parameter plaintext: decrypted data is appended, even where this then throws.
    /// - Throws: `TLSError`; the connection is then over.
    package mutating func receive(_ bytes: UnsafeRawBufferPointer, plaintext: inout ByteBuffer) throws(TLSError) {
        guard state != .failed, state != .closed, let start = bytes.baseAddress, !bytes.isEmpty else { return }
        if firstByte == nil {
            firstByte = bytes[0]
            // A peer that speaks plaintext could not read an alert.
            guard Self.recordKinds.contains(bytes[0]) else { throw fail(notTLS(bytes[0])) }
        }
        // A memory BIO never shrinks: it is given at most this much at once.
        for offset in stride(from: 0, to: bytes.count, by: Self.recordBytesMax) where state != .closed {
            let count = Int32(min(Self.recordBytesMax, bytes.count - offset))
            OpenSSLErrors.clear()
            guard BIO_write(input, start + offset, count) == count else {
                throw fail(TLSError(.corrupt, "TLS: no memory for what has come: \(OpenSSLErrors.take().text)"))
            }
            if state == .handshaking { try handshake() }
            if state != .handshaking { try read(into: &plaintext) }
        }
    }

    /// Reports the end of the transport.
    ///
    /// - Throws: `TLSError` of kind `truncated` where the peer did not send close_notify first.
    package mutating func receiveEnd(plaintext: inout ByteBuffer) throws(TLSError) {
        guard state != .failed, state != .closed else { return }
        podling_bio_set_end(input)
        if state == .handshaking { try handshake() } else { try read(into: &plaintext) }
        // OpenSSL reports every such end; should it not, this one must not pass for the end of the data.
        if state != .closed { throw fail(truncation) }
    }

    /// Encrypts plaintext. Not allowed before the handshake is complete, or after `close`.
    package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard state == .open else { throw TLSError(.handshake, "TLS: nothing can be sent while it is \(state)") }
        var rest = bytes
        while !rest.isEmpty {
            try renewKeysInTime()
            OpenSSLErrors.clear()
            let code = SSL_write(ssl, rest.baseAddress, Int32(min(rest.count, Self.recordBytesMax)))
            // The output BIO takes everything, and there is no renegotiation: a write never waits for the peer.
            guard code > 0 else { throw failure(SSL_get_error(ssl, code)) }
            recordsWritten += 1
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(code)))
        }
    }

    /// Sends close_notify. Idempotent.
    package mutating func close() {
        guard state == .open else {
            if state == .handshaking { state = .failed }
            return
        }
        OpenSSLErrors.clear()
        SSL_shutdown(ssl)
        state = .closing
    }

    /// Appends the ciphertext to send to the peer.
    ///
    /// - Returns: the count of bytes appended.
    @discardableResult
    package mutating func takeCiphertext(into bytes: inout ByteBuffer) -> Int {
        var start: UnsafeMutablePointer<CChar>?
        let count = podling_bio_memory(output, &start)
        guard count > 0 else { return 0 }
        bytes.writeBytes(UnsafeRawBufferPointer(start: start, count: count))
        podling_bio_empty(output, count > Self.outputBytesKept ? 1 : 0)
        return count
    }
}

// MARK: - Steps

extension TLSEngine {
    private mutating func handshake() throws(TLSError) {
        guard state == .handshaking else { return }
        OpenSSLErrors.clear()
        let code = SSL_do_handshake(ssl)
        guard code == 1 else {
            let reason = SSL_get_error(ssl, code)
            if reason != SSL_ERROR_WANT_READ { throw failure(reason) }
            return
        }
        let wantedProtocol = context.applicationProtocol
        guard chosenProtocol.map({ $0 == wantedProtocol.rawValue }) ?? !wantedProtocol.isDemanded else {
            SSL_shutdown(ssl)
            throw fail(
                TLSError(
                    .handshake,
                    "the server does not speak \(wantedProtocol.rawValue) over TLS (ALPN)",
                    cure: "Give the address and port of a Podling master."
                )
            )
        }
        // SSL_get_verify_result reports success where there is no certificate.
        guard !mustHaveCertificate || SSL_get0_peer_certificate(ssl) != nil else {
            SSL_shutdown(ssl)
            throw fail(TLSError(.verification, "the peer has shown no certificate"))
        }
        state = .open
    }

    private var mustHaveCertificate: Bool {
        switch context.side {
        case .client(let mode, _): mode == .verifyCA || mode == .verifyFull
        case .server(let certificates): certificates == .require
        }
    }

    private mutating func read(into plaintext: inout ByteBuffer) throws(TLSError) {
        while true {
            var code: Int32 = 0
            OpenSSLErrors.clear()
            plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.readBytesMin) { space in
                code = SSL_read(ssl, space.baseAddress, Int32(clamping: space.count))
                return max(0, Int(code))
            }
            if code > 0 { continue }
            switch SSL_get_error(ssl, code) {
            case SSL_ERROR_WANT_READ: return
            case SSL_ERROR_ZERO_RETURN:
                // There is no half-closed state: the peer's close_notify is answered with this side's.
                OpenSSLErrors.clear()
                if state == .open { SSL_shutdown(ssl) }
                state = .closed
                return
            case let reason: throw failure(reason)
            }
        }
    }

    /// Updates the keys of both directions before their limit; TLS 1.2 has no key update.
    private mutating func renewKeysInTime() throws(TLSError) {
        guard recordsWritten >= Self.recordsPerKeyMax, SSL_version(ssl) == TLS1_3_VERSION else { return }
        try renewKeys()
    }

    mutating func renewKeys() throws(TLSError) {
        OpenSSLErrors.clear()
        guard SSL_key_update(ssl, SSL_KEY_UPDATE_REQUESTED) == 1, SSL_do_handshake(ssl) == 1 else {
            throw fail(TLSError(.corrupt, "TLS: keys cannot be renewed: \(OpenSSLErrors.take().text)"))
        }
        recordsWritten = 0
    }

    mutating func fail(_ error: TLSError) -> TLSError {
        state = .failed
        return error
    }
}
