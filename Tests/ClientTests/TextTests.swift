import PodlingClient
import Testing

@testable import podling_client

struct TextTests {
    @Test func tablesAreAlignedAndSafe() {
        var table = Table(["A", "LONG", "C"])
        table.add(["1", "x", "last"])
        table.add(["four", "\u{1B}[2J", ""])
        #expect(
            table.rendered() == """
                A      LONG      C
                1      x         last
                four   \\x1b[2J\n
                """
        )
    }

    @Test func coloursDoNotMoveColumns() {
        var table = Table(["A", "B"])
        table.add(["running", "x"])
        let text = table.rendered { column, _ in column == 0 ? "32" : nil }
        #expect(text == "A         B\n\u{1B}[32mrunning\u{1B}[0m   x\n")
    }

    @Test(
        arguments: [
            (nil, "-"), (0, "less than a second ago"), (-5, "less than a second ago"), (1, "1 second ago"),
            (119, "119 seconds ago"), (120, "2 minutes ago"), (7199, "119 minutes ago"), (7200, "2 hours ago"),
            (172_800, "2 days ago"),
        ] as [(Int64?, String)]
    )
    func ages(_ seconds: Int64?, _ expected: String) {
        let now: Int64 = 1_800_000_000_000
        #expect(Quantities.age(seconds.map { now - $0 * 1000 }, now: now) == expected)
    }

    @Test(
        arguments: [
            (nil, "-"), (0, "0"), (1023, "1023"), (1024, "1Ki"), (1536, "1.5Ki"), (67_108_864, "64Mi"),
            (25_769_803_776, "24Gi"), (1_125_899_906_842_624, "1024Ti"),
        ] as [(Int?, String)]
    )
    func memory(_ bytes: Int?, _ expected: String) {
        #expect(Quantities.memory(bytes) == expected)
    }

    @Test(arguments: [
        (#""status":"pending""#, "pending", ""),
        (#""status":"pending","attempt":2,"reason":"node_lost""#, "pending (attempt 2)", "node_lost"),
        (#""status":"running","detail":"pulling busybox""#, "running", "pulling busybox"),
        (#""status":"running","cancelRequested":true"#, "running (cancelling)", ""),
        (#""status":"failed","reason":"exit_code","exitCode":3"#, "failed (3)", ""),
        (#""status":"failed","reason":"image_pull","error":"no such image""#, "failed", "image_pull: no such image"),
        (#""status":"cancelled","reason":"cancelled""#, "cancelled", ""),
    ])
    func tasksSayWhereTheyAreAndWhy(_ members: String, _ status: String, _ why: String) throws {
        let task = try TaskView(json: Array("{\"taskId\":\"t\",\(members)}".utf8))
        #expect(TaskText.status(task) == status)
        #expect(TaskText.why(task) == why)
    }

    @Test(arguments: [
        (OutputFormat.json, [], "[]\n"), (.json, ["{}"], "[{}]\n"), (.json, ["{}", "{\"a\":1}"], "[{},\n{\"a\":1}]\n"),
        (.ndjson, [], ""), (.ndjson, ["{}", "{\"a\":1}"], "{}\n{\"a\":1}\n"),
    ])
    func objectsAreWrittenAsTheyCome(_ format: OutputFormat, _ objects: [String], _ expected: String) {
        var writer = JSONObjects(format)
        let text = objects.reduce(into: [UInt8]()) { $0 += writer.text(of: [Array($1.utf8)]) } + writer.end()
        #expect(String(decoding: text, as: UTF8.self) == expected)
    }
}
