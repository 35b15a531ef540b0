import ArgumentParser
import PodlingClient
import PodlingOptions

/// What the shell offers when it completes a word; asks the master, briefly, and is silent when it cannot.
enum Completions {
    private static let timeoutSeconds = 2
    private static let tasksMax = 100

    static let tasks = CompletionKind.custom { _, _, _ async in
        var filter = TaskFilter()
        filter.isDescending = true
        filter.pageLimit = tasksMax
        return (try? await client().listPage(filter).tasks.map(\.taskId)) ?? []
    }

    static let nodes = CompletionKind.custom { _, _, _ async in
        (try? await client().nodesPage().nodes.map(\.nodeId)) ?? []
    }

    private static func client() async throws -> PodlingClient {
        var options = PodlingClient.Options()
        options.connectTimeoutSeconds = timeoutSeconds
        options.greetingTimeoutSeconds = timeoutSeconds
        options.requestTimeoutSeconds = timeoutSeconds
        let text = Environment.value("PODLING_MASTER") ?? ConnectionOptions.masterDefault
        let security = SecurityOptions()
        options.token = try security.token(environment: Environment.value)
        let addresses = try security.addresses(text, environment: Environment.value)
        return try await PodlingClient.connect(to: addresses, options: options)
    }
}
