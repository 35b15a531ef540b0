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
        .init(319_234, 0x29a4_1bc7_01ea_8954),
        .init(337_081, 0x3933_a5ae_290c_685a),
        .init(280_661, 0xd52c_c2c6_8e90_00ba),
        .init(203_124, 0x1146_4eda_78d2_a553),
        .init(229_350, 0xf3f4_a6bd_fb01_9a4c),
        .init(314_366, 0x692c_a2c0_0e04_65d6),
        .init(225_483, 0xa09f_75ad_6bd3_7c15),
        .init(287_236, 0x59b8_3afe_1a29_e407),
        .init(201_164, 0xc659_9265_aa1a_d3fb),
        .init(291_539, 0x2630_557d_8708_7935),
        .init(292_235, 0x8658_0078_27fa_5b02),
        .init(259_071, 0xc705_41bb_70fb_134a),
        .init(308_918, 0xfe69_517f_5eee_1be7),
        .init(214_751, 0x405f_0bf6_f1e8_d0c7),
        .init(222_648, 0x3295_9267_02d5_5958),
        .init(312_336, 0x29a1_40ca_8168_b6e4),
        .init(312_021, 0xc94a_eac8_ac0f_3b48),
        .init(189_354, 0x2e27_d4ae_5e19_9939),
        .init(289_641, 0xc025_6ce5_c020_50bc),
        .init(283_580, 0x107a_da83_97b9_ce76),
        .init(305_972, 0x4414_683f_8fce_3a76),
        .init(172_518, 0x250a_8b87_a2ab_c4dc),
        .init(208_046, 0xb3fe_7a5e_6156_20ee),
    ]
}
