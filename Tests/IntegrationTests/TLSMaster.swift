import TestSupport

/// What the TLS tests of the master have in common.
enum TLSMaster {
    /// The flags for a certificate of the workshop, those for clients' certificates where they are wanted.
    static func flags(_ certificate: String = "good", clients mode: String? = nil) throws -> [String] {
        let workshop = try Workshop.shared.get()
        let own = ["--tls-cert", workshop.file("\(certificate).pem"), "--tls-key", workshop.file("\(certificate).key")]
        return own + (mode.map { ["--tls-client-ca", workshop.file("ca.pem"), "--tls-client-cert", $0] } ?? [])
    }

    /// Says `line` to the master by Python's ssl, and prints what is agreed on and the first two lines that come.
    static let pythonClient = """
        import os, socket, ssl
        env = os.environ
        context = ssl.create_default_context(cafile=env["CA"])
        if "CERT" in env: context.load_cert_chain(env["CERT"], env["KEY"])
        context.set_alpn_protocols(["podling/1"])
        context.minimum_version = context.maximum_version = getattr(ssl.TLSVersion, env.get("VERSION", "TLSv1_3"))
        with socket.create_connection((env["HOST"], int(env["PORT"])), 20) as plain:
            try:
                with context.wrap_socket(plain, server_hostname="localhost") as peer:
                    print(peer.version(), peer.selected_alpn_protocol())
                    lines = peer.makefile("rb")
                    print(lines.readline().decode(), end="")
                    peer.sendall(env["LINE"].encode() + b"\\n")
                    print(lines.readline().decode(), end="")
                    peer.unwrap()
                    print("ended in order")
            except ssl.SSLError as error:
                print("refused:", error.reason)
        """

    /// The log, as soon as it has the text, or else as it is at the deadline.
    static func log(_ master: MasterProcess, with text: String) -> String {
        _ = Deadline.after(seconds: 20).poll { master.process.output.contains(text) ? true : nil }
        return master.process.output
    }

    /// A connection that reads nothing after the handshake, until it is ended.
    static func silentPeer(_ master: MasterProcess) throws -> ProgramProcess {
        let script = """
            import os, signal, socket, ssl
            context = ssl._create_unverified_context()
            context.set_alpn_protocols(["podling/1"])
            peer = context.wrap_socket(socket.create_connection(("127.0.0.1", int(os.environ["PORT"])), 20))
            with open(os.environ["READY"] + "/ports", "w") as file: file.write("ready=1\\n")
            signal.pause()
            """
        let process = try ProgramProcess(
            "/usr/bin/env",
            ["READY=$DIR", "python3", "-c", script],
            environment: ["PORT": "\(master.port)"]
        )
        _ = try process.readyValue("ready")
        return process
    }

    static func python(_ master: MasterProcess, environment: [String: String] = [:]) throws -> String {
        let workshop = try Workshop.shared.get()
        let standard = [
            "HOST": master.host, "PORT": "\(master.port)", "CA": workshop.file("ca.pem"),
            "LINE": #"{"op":"ping","id":1}"#,
        ]
        return try Tool.output(
            "python3",
            ["-c", pythonClient],
            environment: standard.merging(environment) { _, new in new }
        )
    }

    /// The environment by which the Python client shows a certificate of the workshop.
    static func shows(_ certificate: String) throws -> [String: String] {
        let workshop = try Workshop.shared.get()
        return ["CERT": workshop.file("\(certificate).pem"), "KEY": workshop.file("\(certificate).key")]
    }
}
