/// A memory budget that all connections share, without a count of who shares it.
///
/// A holder may have as much as is still free (the dynamic threshold of Choudhury and Hahne, "Dynamic queue length
/// thresholds for shared-memory packet switches", 1998): one alone gets half, `k` that want all get `bytesMax / (k +
/// 1)` each, and a newcomer always finds some capacity.
package struct SharedBytes {
    package let bytesMax: Int
    package private(set) var total = 0

    package init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The most that one holder may have now.
    package var share: Int { max(0, bytesMax - total) }
    package var isOver: Bool { total > bytesMax }

    package mutating func change(from old: Int, to new: Int) { total += new - old }
}
