import Crypto
import SV2Codec
import SV2Messages

extension SV2Bench {
    /// Messages to bytes and back, beside ChaCha20-Poly1305 alone on as many bytes: what a frame costs at least.
    func messages() -> [Contest] {
        [
            contests(SampleMessages.share, "SubmitSharesExtended"),
            contests(SampleMessages.job, "NewExtendedMiningJob"),
            contests(SampleMessages.template, "NewTemplate"),
            contests(SampleMessages.declaration, "DeclareMiningJob of 4,000 transactions"),
        ].flatMap { $0 }
    }

    private func contests<Message: SV2Message>(_ message: Message, _ name: String) -> [Contest] {
        guard let payload = try? message.encode(), (try? Message(decoding: payload)) == message else {
            preconditionFailure("our own message")
        }
        let key = SymmetricKey(size: .bits256)
        func seal(_ count: Int) -> Duration {
            time(count) {
                guard let box = try? ChaChaPoly.seal(payload, using: key) else {
                    preconditionFailure("anything is sealed")
                }
                keep(box)
            }
        }
        func encode(_ count: Int) -> Duration { time(count) { keep(try? message.frame()) } }
        func decode(_ count: Int) -> Duration { time(count) { keep(try? Message(decoding: payload)) } }
        return [
            Contest(
                subject: "\(name) encoded", byteCount: payload.count, ours: encode,
                bareName: "ChaChaPoly.seal alone", bare: seal),
            Contest(
                subject: "\(name) decoded", byteCount: payload.count, ours: decode,
                bareName: "ChaChaPoly.seal alone", bare: seal),
        ]
    }
}

/// Messages of the sizes they have on a busy day. The bytes mean nothing.
enum SampleMessages {
    static let share = SubmitSharesExtended(
        channelId: 1, sequenceNumber: 77, jobId: 5, nonce: 0x1234_5678, ntime: 1_750_000_000,
        version: 0x2000_e000,
        extranonce: [UInt8](repeating: 3, count: 8))

    static let job = NewExtendedMiningJob(
        channelId: 1, jobId: 5, minNtime: nil, version: 0x2000_0000, versionRollingAllowed: true,
        merklePath: [U256](repeating: .max, count: 12), coinbaseTxPrefix: [UInt8](repeating: 1, count: 60),
        coinbaseTxSuffix: [UInt8](repeating: 2, count: 110))

    static let template = NewTemplate(
        templateId: 9, futureTemplate: false, version: 0x2000_0000, coinbaseTxVersion: 2,
        coinbasePrefix: [3, 0x40, 0x0d, 0x0e], coinbaseTxInputSequence: 0xffff_fffe,
        coinbaseTxValueRemaining: 312_500_000, coinbaseTxOutputsCount: 1,
        coinbaseTxOutputs: [UInt8](repeating: 6, count: 47), coinbaseTxLocktime: 920_895,
        merklePath: [U256](repeating: .max, count: 12))

    static let declaration = DeclareMiningJob(
        requestId: 1, miningJobToken: [UInt8](repeating: 1, count: 8), version: 0x2000_0000,
        coinbaseTxPrefix: [UInt8](repeating: 1, count: 62),
        coinbaseTxSuffix: [UInt8](repeating: 2, count: 144),
        wtxidList: [U256](repeating: .max, count: 4_000), excessData: [UInt8](repeating: 0, count: 32))
}
