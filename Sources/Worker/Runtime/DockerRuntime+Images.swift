import FoundationEssentials
import Logging
import NIOCore
import NIOHTTP1
import PodlingAgent

extension DockerRuntime {
    /// Total time limit of a pull, in seconds.
    static let pullSecondsMax = 1_800.0
    /// Length limit of one progress line.
    static let progressLineBytesMax = 64 << 10

    package func prepare(image: String, policy: PullPolicy) async throws {
        guard let reference = ImageReference(image) else {
            throw RuntimeError(.invalidSpec, "image is no image reference")
        }
        if policy != .always, try await isPresent(reference) { return }
        if policy == .never {
            throw RuntimeError(.imageNotFound, "\(image) is not on this node and the pull policy is never")
        }
        try await pulls.run(reference.canonical) { [self] in
            try await withDeadline(seconds: Self.pullSecondsMax, what: "pulling \(image)") { [self] in
                try await pull(reference)
            }
            // A stream that is cut off without an error looks like one that is complete.
            guard try await isPresent(reference) else {
                throw RuntimeError(.imagePull, "the pull of \(image) ended and the image is not there")
            }
        }
    }

    private func isPresent(_ image: ImageReference) async throws -> Bool {
        let reply = try await call(.GET, "/images/\(image.canonical)/json", deadlineSeconds: Self.callSeconds)
        if reply.status == 404 { return false }
        guard reply.isSuccess else { throw failure(reply, "image inspect") }
        return true
    }

    /// The image's own command (`CMD`).
    func command(of image: ImageReference) async throws -> [String] {
        let reply = try await call(.GET, "/images/\(image.canonical)/json", deadlineSeconds: Self.callSeconds)
        if reply.status == 404 { throw RuntimeError(.imageNotFound, reply.message) }
        guard reply.isSuccess else { throw failure(reply, "image inspect") }
        return try reply.decode(EngineMessage.Image.self).Config?.Cmd ?? []
    }

    private func pull(_ image: ImageReference) async throws {
        let profile = try await profile()
        let path = "/images/create"
        let idleSeconds = pullIdleSeconds ?? profile.flavour.pullIdleSeconds
        // The response's head may only come with the registry's first answer.
        let response = try await http.open(
            .POST,
            profile.flavour.prefix(profile.apiVersion, path: path) + path,
            query: [("fromImage", image.name), ("tag", image.tagOrDigest)],
            headSeconds: idleSeconds
        )
        guard response.status == 200 else {
            let reply = try await response.reply(deadlineSeconds: Self.callSeconds)
            throw Self.pullFailure(image.canonical, reply.message, status: reply.status)
        }
        try await watchProgress(response.body, image: image.canonical, idleSeconds: idleSeconds)
    }

    /// Reads the progress lines to their end; an error comes as a line inside a response that began with 200.
    private func watchProgress(_ body: EngineBody, image: String, idleSeconds: Double) async throws {
        let watch = IdleWatch()
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var lines = ProgressLines(lineBytesMax: Self.progressLineBytesMax)
                for try await buffer in body {
                    watch.touch()
                    if let error = lines.firstError(in: buffer) { throw Self.pullFailure(image, error, status: 200) }
                }
                if let error = lines.finish() { throw Self.pullFailure(image, error, status: 200) }
            }
            group.addTask {
                try await watch.expire(afterSeconds: idleSeconds)
                throw RuntimeError(.timeout, "pulling \(image) made no progress for \(Int(idleSeconds)) s")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// Classifies a failed pull by the registry's message, which the engines pass on.
    static func pullFailure(_ image: String, _ message: String, status: Int) -> RuntimeError {
        let words = message.lowercased()
        let absent = [
            "manifest unknown", "not found", "name unknown", "does not exist", "no such image", "access denied",
            "access to the resource is denied", "unauthorized", "no matching manifest",
        ]
        if words.contains("invalid reference format") { return RuntimeError(.invalidSpec, message) }
        if status == 404 || absent.contains(where: words.contains) {
            return RuntimeError(.imageNotFound, "\(image) cannot be pulled: \(message)")
        }
        return RuntimeError(.imagePull, "pulling \(image) failed: \(message)")
    }
}
