/// What a core said in a simulation, in short. A change that keeps behaviour keeps every byte, and so all of these; one
/// that means to change what is said records them anew, and its commit says why.
struct RecordedTranscript: Equatable, CustomStringConvertible {
    var byteCount: Int
    /// FNV-1a, 64 bits (draft-eastlake-fnv).
    var hash: UInt64

    init(_ bytes: [UInt8]) {
        byteCount = bytes.count
        hash = bytes.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }

    private init(_ byteCount: Int, _ hash: UInt64) { (self.byteCount, self.hash) = (byteCount, hash) }

    var description: String { "(\(byteCount), 0x\(String(hash, radix: 16)))" }

    /// Seeds 1 to 24 of `SimulationTests`.
    static let bySeed: [RecordedTranscript] = [
        .init(205_744, 0xde9c_0fd9_811e_0c45),
        .init(321_414, 0x4cc7_4de7_046d_0562),
        .init(326_404, 0xafae_861b_ac2b_3310),
        .init(282_599, 0x9a89_5439_4999_8943),
        .init(205_599, 0x7e12_71c0_6a50_e5f3),
        .init(223_132, 0x647b_0cf4_3233_6a72),
        .init(314_313, 0xe636_9c08_e37c_3de7),
        .init(229_697, 0x0a4d_b5e3_80bb_ef88),
        .init(286_548, 0x5873_dab2_9399_4c5c),
        .init(206_629, 0x1cb5_afd1_34f2_1556),
        .init(291_538, 0xed12_2da2_f4e1_8244),
        .init(311_891, 0x9e2b_1b24_660b_18e6),
        .init(259_605, 0x9111_a6c9_6ae4_23e9),
        .init(308_918, 0xfe69_517f_5eee_1be7),
        .init(218_340, 0x0ae0_beb1_36d5_a995),
        .init(275_494, 0x73e4_f853_c7a8_57bb),
        .init(312_582, 0xf698_a9d9_471c_b7ef),
        .init(301_584, 0x5c90_8d74_eb75_0728),
        .init(200_049, 0xc2e1_3473_5a63_6c13),
        .init(192_684, 0x118d_2c6d_59e5_d6e7),
        .init(283_960, 0xcbe1_17bd_2312_c6b8),
        .init(320_306, 0x463f_5b69_a077_b737),
        .init(172_518, 0x250a_8b87_a2ab_c4dc),
        .init(208_514, 0x09c7_c872_d537_ebf8),
    ]
}
