import ASICChains
import ASICChips
import ASICWire
import CBenchPeers
import Emulator
import HardwareData
import SimulationKit
import Units

/// What the driver's receive and send paths cost, on the longest chain there is, with chips that are not there.
public enum ChainBench {
    public struct Line: Codable, Hashable, Sendable {
        public var what: String
        /// In a second of one core.
        public var rate: Double
        public var unit: String
        /// What that means, or what it is measured against.
        public var remark: String
    }

    /// Nanoseconds of this thread's processor time for each of `count` turns of `body`.
    static func nanoseconds(_ count: Int, _ body: (Int) -> Void) -> Double {
        let begun = adit_thread_nanoseconds()
        for turn in 0..<count { body(turn) }
        return Double(adit_thread_nanoseconds() - begun) / Double(count)
    }

    public static func run() -> [Line] {
        var lines = [framesDecoded(), jobsDecoded()]
        var duet = busyChain()
        lines += [noncesReceived(&duet), firstByte(&duet)]
        return lines
    }

    private static func framesDecoded() -> Line {
        let frames = (0..<256).flatMap { index in
            ChipResponse.nonce(
                NonceResponse(
                    nonce: UInt32(index) &* 0x9e37_79b9, excess: 3, jobByte: UInt8(index & 0x78),
                    versionCounter: UInt16(index))
            ).wireBytes(.long)
        }
        var found = 0
        let cost = nanoseconds(400) { _ in
            var position = 0
            while case .frame(_, let length) = decodeResponse(frames[position...], .long) {
                position += length
                found += 1
            }
        }
        precondition(found == 400 * 256, "every frame decodes")
        return Line(
            what: "replies decoded", rate: 256e9 / cost, unit: "frames/s",
            remark: "a link of 3,125,000 baud brings 28,409")
    }

    private static func jobsDecoded() -> Line {
        let hash: [32 of UInt8] = .init { UInt8($0) }
        let job = FullHeaderJob(
            jobByte: 8, bits: 0x1703_0000, time: 1_700_000_000, merkleRoot: hash, previousBlock: hash,
            version: 0x2000_0000)
        let bytes = ChipCommand.job(job).wireBytes(.preambled)
        var found = 0
        let cost = nanoseconds(20_000) { _ in
            if case .frame = decodeCommand(bytes[...]) { found += 1 }
        }
        precondition(found == 20_000, "a job decodes")
        return Line(what: "job frames decoded", rate: 1e9 / cost, unit: "frames/s", remark: "by the emulator")
    }

    /// 126 BM1362 at work, as on an S19j Pro.
    private static func busyChain() -> Duet {
        guard let facts = try? HardwareLibrary().chip(named: "bm1362"), let model = chipModel(for: facts)
        else {
            preconditionFailure("the program carries this chip")
        }
        var parameters = EmulatedChainParameters.bm1362(chips: 126, reportZeroBits: 1, seed: 1)
        parameters.search = .drawn
        var duet = Duet(
            ChainProfile(
                model: model, chips: 126, frequency: facts.defaultFrequency, reportZeroBits: 1,
                workingBaudRate: BaudRate(3_125_000)), parameters)
        duet.bringUp()
        duet.run(for: .seconds(1))
        precondition(duet.end == nil && duet.readyAt != nil, "a healthy chain comes up")
        return duet
    }

    /// From bytes to a rehashed nonce, with everything between: frame, slot, duplicates, health, verdict.
    private static func noncesReceived(_ duet: inout Duet) -> Line {
        let job = duet.lastJobByte
        let frames = (0..<20_000 as Range<UInt32>).map { index in
            ChipResponse.nonce(
                NonceResponse(
                    nonce: (index % 126 << 18 | index).byteSwapped, excess: 0, jobByte: job,
                    versionCounter: UInt16(truncatingIfNeeded: index / 126))
            ).wireBytes(.long)
        }
        let before = duet.honest + duet.wrong
        let cost = nanoseconds(frames.count) { duet.tell(.received(frames[$0])) }
        precondition(duet.honest + duet.wrong - before == frames.count, "every nonce is judged")
        let share = 126 * cost / 1e9
        return Line(
            what: "nonces received and rehashed, 126 chips", rate: 1e9 / cost, unit: "nonces/s",
            remark: "\((share * 1e6).rounded() / 1e4) % of this core at one a second and chip")
    }

    private static func firstByte(_ duet: inout Duet) -> Line {
        let cost = nanoseconds(20_000) { _ in duet.giveWorkNow() }
        return Line(
            what: "work to the first byte of its job", rate: 1e9 / cost, unit: "jobs/s",
            remark: "\((cost / 10).rounded() / 100) µs each")
    }
}

/// How much of a job's search space chips cover, as the emulated chips tell it.
public enum SpaceBench {
    public struct Line: Codable, Hashable, Sendable {
        public var chip: String
        public var chips: Int
        /// Of the 2^32 nonces of a version, by all chips together.
        public var nonces_share: Double
        public var versions: Int
        /// That are begun before the next job comes.
        public var versions_per_job: Double
        public var job_interval_s: Double
        /// After this time the chips would repeat themselves, or one another.
        public var job_lasts_s: Double
        /// Of all headers of the job, what is hashed before the next job comes.
        public var space_share: Double
    }

    /// - Parameter counts: chips on a chain; a model takes part with those that it can address.
    public static func run(_ counts: [Int] = [1, 12, 65, 126]) -> [Line] {
        let library = HardwareLibrary()
        let known = library.chipNames.compactMap { try? library.chip(named: $0) }
        var lines: [Line] = []
        for emulated in EmulatedModel.all {
            let id = UInt16(emulated.name.dropFirst(2), radix: 16)
            guard let facts = known.first(where: { facts in facts.chipIDs.contains { $0 == id } }),
                let model = chipModel(for: facts)
            else { continue }
            for chips in counts where chips <= facts.maximumChips {
                if let line = line(model, emulated, chips) { lines.append(line) }
            }
        }
        return lines
    }

    private static func line(_ model: any ChipModel, _ emulated: EmulatedModel, _ chips: Int) -> Line? {
        var parameters = EmulatedChainParameters(emulated, chips: chips, reportZeroBits: 1, seed: 1)
        parameters.search = .drawn
        var duet = Duet(
            ChainProfile(
                model: model, chips: chips, frequency: model.facts.defaultFrequency, reportZeroBits: 1),
            parameters)
        duet.bringUp()
        duet.run(for: .seconds(2))
        guard let summary = duet.summary, let range = duet.chips.ranges().first else { return nil }
        let ranges = duet.chips.ranges()
        let interval = summary.jobInterval.inSeconds
        let perVersion =
            ranges.reduce(0.0) { $0 + Double($1.counterLength) } * Double(emulated.cores) / 0x1p32
        let sweep = Double(range.counterLength) / range.countersPerSecond
        let (versions, together): (Int, Int) =
            switch model.work {
            case .fullHeader: (65_536, model.facts.subCores)
            case .midstates(let count): (count, 1)
            }
        let begun = min(Double(versions), interval / sweep * Double(together))
        return Line(
            chip: emulated.name, chips: chips, nonces_share: min(1, perVersion), versions: versions,
            versions_per_job: begun, job_interval_s: interval, job_lasts_s: sweep * Double(range.batches),
            space_share: min(1, perVersion) * begun / Double(versions))
    }
}
