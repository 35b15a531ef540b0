internal import COpenSSL
public import NIOCore

/// One TLS connection without a socket: takes what the peer sent, and gives plaintext and what is to be sent.
///
/// After every call, one that threw too, what `takeCiphertext` gives must be sent: it holds alerts and answers to key
/// updates beside data. Not for two threads at once.
public struct TLSEngine: ~Copyable {
    public enum State: Sendable, Equatable {
        case handshaking
        case open
        /// This side has said that it sends no more; the peer may still.
        case closing
        /// The peer has said that it sends no more. All that it sent has come.
        case closed
        /// An error was thrown; nothing is read or written any more.
        case failed
    }

    /// The most plaintext in one record (RFC 8446, section 5.1).
    public static let recordBytesMax = 16_384
    /// AES-GCM is safe for 2^24.5 full records a key (RFC 8446, section 5.5).
    static let recordsPerKeyMax = 1 << 23
    /// Room for output that a connection keeps while it is idle.
    private static let outputBytesKept = 2 * recordBytesMax
    /// Room that a read has at least.
    static let readBytesMin = 2_048

    let ssl: OpaquePointer
    /// Owned by `ssl`, as is `output`.
    private let input: OpaquePointer
    private let output: OpaquePointer
    let context: TLSContext
    /// Whom a client wants; nil on the server's side.
    let wanted: PeerName?
    let record: VerificationRecord
    public private(set) var state = State.handshaking
    /// The first byte that the peer sent tells TLS from plaintext.
    private(set) var firstByte: UInt8?
    private var recordsWritten = 0

    /// The client's side of a connection to `host`, which is a name or an address.
    ///
    /// - Throws: `TLSError` of kind `configuration`.
    public init(client context: TLSContext, host: PeerName) throws(TLSError) {
        try self.init(context, wanted: host)
    }

    /// The server's side.
    ///
    /// - Throws: `TLSError` of kind `configuration`.
    public init(server context: TLSContext) throws(TLSError) {
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

    /// Names count where a certificate has them as subjectAltName, and a wildcard as its whole first label only.
    private static func expect(
        _ wanted: PeerName,
        _ mode: TLSMode,
        _ sendsServerName: Bool,
        _ ssl: OpaquePointer
    ) throws(TLSError) {
        // RFC 6066, section 3: no addresses.
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

    /// Begins the handshake; a client has something to send then.
    public mutating func start() throws(TLSError) { try handshake() }

    /// Takes what the peer has sent.
    ///
    /// - Parameter plaintext: what it says is appended, also where this then throws.
    /// - Throws: `TLSError`; the connection is over then.
    public mutating func receive(_ bytes: UnsafeRawBufferPointer, plaintext: inout ByteBuffer) throws(TLSError) {
        guard state != .failed, state != .closed, let start = bytes.baseAddress, !bytes.isEmpty else { return }
        if firstByte == nil {
            firstByte = bytes[0]
            // An alert would be rubbish to a peer that speaks plaintext.
            guard Self.recordKinds.contains(bytes[0]) else { throw fail(notTLS(bytes[0])) }
        }
        // A memory BIO keeps the room that it once had: it never gets more than this at once.
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

    /// Says that the transport has ended.
    ///
    /// - Throws: `TLSError` of kind `truncated` where the peer did not say first that it sends no more.
    public mutating func receiveEnd(plaintext: inout ByteBuffer) throws(TLSError) {
        guard state != .failed, state != .closed else { return }
        podling_bio_set_end(input)
        if state == .handshaking { try handshake() } else { try read(into: &plaintext) }
        // OpenSSL reports every such end; should it not, it is not passed off as the end of the data.
        if state != .closed { throw fail(truncation) }
    }

    /// Encrypts what is to be said. Nothing may be said before the handshake is done, or after `close`.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) throws(TLSError) {
        guard state == .open else { throw TLSError(.handshake, "TLS: nothing can be sent while it is \(state)") }
        var rest = bytes
        while !rest.isEmpty {
            try renewKeysInTime()
            OpenSSLErrors.clear()
            let code = SSL_write(ssl, rest.baseAddress, Int32(min(rest.count, Self.recordBytesMax)))
            // The output takes all, and there is no renegotiation: the peer is never waited for.
            guard code > 0 else { throw failure(SSL_get_error(ssl, code)) }
            recordsWritten += 1
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(Int(code)))
        }
    }

    /// Says that this side sends no more (close_notify). Once more does nothing.
    public mutating func close() {
        guard state == .open else {
            if state == .handshaking { state = .failed }
            return
        }
        OpenSSLErrors.clear()
        SSL_shutdown(ssl)
        state = .closing
    }

    /// Appends what is to be sent to the peer.
    ///
    /// - Returns: the count of bytes appended.
    @discardableResult
    public mutating func takeCiphertext(into bytes: inout ByteBuffer) -> Int {
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
        // SSL_get_verify_result says that all is well where there is no certificate.
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
                // There is no half-closed connection: its close_notify is answered with this side's.
                OpenSSLErrors.clear()
                if state == .open { SSL_shutdown(ssl) }
                state = .closed
                return
            case let reason: throw failure(reason)
            }
        }
    }

    /// New keys for both directions; TLS 1.2 has no such thing.
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
