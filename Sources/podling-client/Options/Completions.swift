import ArgumentParser
import PodlingClient
import PodlingOptions

/// Shell completions: queries the master, with a short time-out, and is silent when it cannot.
enum Completions {
    private static let timeoutSeconds = 2
    private static let tasksMax = 100

    static let tasks = CompletionKind.custom { words, _, _ async in
        var filter = TaskFilter()
        filter.isDescending = true
        filter.pageLimit = tasksMax
        return (try? await client(words).listPage(filter).tasks.map(\.taskId)) ?? []
    }

    static let nodes = CompletionKind.custom { words, _, _ async in
        (try? await client(words).nodesPage().nodes.map(\.nodeId)) ?? []
    }

    /// - Parameter words: the words of the command line, which may have the master's address.
    private static func client(_ words: [String]) async throws -> PodlingClient {
        var options = PodlingClient.Options()
        options.connectTimeoutSeconds = timeoutSeconds
        options.greetingTimeoutSeconds = timeoutSeconds
        options.requestTimeoutSeconds = timeoutSeconds
        let connection = try ConnectionOptions.parse(LeadingOptions.ofConnection(words))
        options.token = try connection.security.token(environment: Environment.value)
        return try await PodlingClient.connect(to: try connection.addresses(), options: options)
    }
}
