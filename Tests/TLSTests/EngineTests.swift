import NIOCore
import Testing

@testable import PodlingTLS

@Suite struct EngineTests {
    private let workshop: Workshop

    init() throws { workshop = try Workshop.shared.get() }

    private func wire(
        _ version: TLSVersion = .tls13,
        slicing: Wire.Slicing = .whole
    ) throws -> Wire {
        var server = workshop.server("good")
        server.minimumVersion = version
        let context = try TLSContext(server: server)
        if version == .tls12 { context.allowOnlyTLS12() }
        return try Wire(try TLSContext(client: workshop.client()), context, slicing: slicing)
    }

    @Test(arguments: TLSVersion.allCases, Wire.Slicing.allCases)
    func speaks(version: TLSVersion, slicing: Wire.Slicing) throws {
        let wire = try wire(version, slicing: slicing)
        try wire.handshake()
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
        #expect(wire.client.state == .open)
        #expect(wire.server.state == .open)
        #expect(wire.client.protocolVersion == version.rawValue)
        // More than one record.
        let long = String(repeating: "0123456789", count: 5_000)
        try wire.client.write("ask")
        try wire.server.write(long)
        wire.carry()
        #expect(wire.serverText == "ask")
        #expect(wire.clientText == long)
        wire.client.close()
        wire.carry()
        #expect(wire.server.state == .closed)
        #expect(wire.client.state == .closed)
        wire.endClient()
        wire.endServer()
        #expect(wire.clientError == nil)
        #expect(wire.serverError == nil)
    }

    @Test(arguments: TLSVersion.allCases)
    func truncationIsAnError(version: TLSVersion) throws {
        let wire = try wire(version)
        try wire.handshake()
        try wire.server.write("half")
        wire.carry()
        wire.endClient()
        #expect(wire.clientText == "half")
        #expect(wire.clientError?.kind == .truncated)
        #expect(wire.clientError?.description.contains("without the server's close_notify") == true)
        #expect(wire.client.state == .failed)
    }
}
