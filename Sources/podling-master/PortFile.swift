import ArgumentParser
import FoundationEssentials
import PodlingProtocol

/// Writes the master's actual ports for a script: `listen=HOST:PORT` and `http=HOST:PORT`, once both are served.
actor PortFile {
    private let path: String?
    private let expected: Int
    private var lines: [String] = []
    /// Ports by service name.
    private(set) var ports: [String: Int] = [:]

    init(path: String?, expected: Int) {
        self.path = path
        self.expected = expected
    }

    func add(_ name: String, _ host: String, _ port: Int) throws {
        guard ports.updateValue(port, forKey: name) == nil else { return }
        lines.append("\(name)=\(HostPort(host, port))\n")
        guard lines.count == expected, let path else { return }
        do {
            try Data(lines.sorted(by: >).joined().utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw ValidationError(
                "--port-file: \(path) cannot be written; does its folder exist, and may this user write there?"
            )
        }
    }
}
