import ASICWire
import TestSupport
import Testing

/// A job frame's fields as `jobs.json` and `bm1387_bm1391.json` spell them.
struct JobFields: Decodable {
    var kind: String, length_byte: UInt8, job_header_byte: UInt8, starting_nonce: String, nbits: UInt32
    var num_midstates: Int, ntime: UInt32, merkle_root_header: String?, prev_hash_header: String?
    var version: UInt32?, merkle_tail: String?, midstates_be: [String]?

    func command() throws -> ChipCommand {
        // Header order: a little-endian number.
        let start = hex(starting_nonce).reversed().reduce(0) { $0 << 8 | UInt32($1) }
        guard kind == "job_midstate" else {
            return .job(
                FullHeaderJob(
                    jobByte: job_header_byte, startingNonce: start, bits: nbits, time: ntime,
                    merkleRoot: fixed(try #require(merkle_root_header)),
                    previousBlock: fixed(try #require(prev_hash_header)), version: try #require(version)))
        }
        let tail = hex(try #require(merkle_tail))
        let midstates = try #require(midstates_be)
        #expect(midstates.count == num_midstates)
        return .midstateJob(
            MidstateJob(
                jobByte: job_header_byte, startingNonce: start, bits: nbits, time: ntime,
                merkleTail: .init { tail[$0] },
                midstates: midstates.map { text in
                    let bytes = hex(text)
                    return .init { word in
                        bytes[(4 * word)..<(4 * word + 4)].reduce(0) { $0 << 8 | UInt32($1) }
                    }
                }))
    }

    private func fixed(_ text: String) -> [32 of UInt8] {
        let bytes = hex(text)
        precondition(bytes.count == 32, "a hash")
        return .init { bytes[$0] }
    }
}
