import PodlingTLS
import TestSupport

extension Workshop {
    func server(_ name: String) -> TLSServerConfiguration {
        TLSServerConfiguration(certificateFile: file("\(name).pem"), keyFile: file("\(name).key"))
    }

    func client(_ mode: TLSMode = .verifyFull, roots: String = "ca") -> TLSClientConfiguration {
        var client = TLSClientConfiguration()
        client.mode = mode
        if mode != .require { client.roots = .file(file("\(roots).pem")) }
        return client
    }
}
