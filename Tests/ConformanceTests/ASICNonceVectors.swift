import ASICChips
import ASICWire
import BitcoinPrimitives
import Foundation
import TestSupport
import Testing

/// Nonce replies, and jobs with their answers, against `responses.json` and `nonce_end_to_end.json`.
@Suite(.enabled(if: Shared.isPresent, "the folder of recorded facts is missing"))
struct ASICNonceVectors {
    struct Fields: Decodable {
        var kind: String, version_bits: UInt32?, core: Int?, job_header_byte: UInt8?, sub_core: Int?
        var small_core: Int?, midstate_index: Int?, bits_24_17: Int?
    }
    struct ResponseFile: Decodable {
        struct Response: Decodable { var frame: String, chip: String, decoded: Fields }
        var responses: [Response]
    }
    struct EndToEndFile: Decodable {
        struct Vector: Decodable {
            var id: String, chip: String, frames: String?, header: String?, hash_display: String?
            var job_frame: String?, response: String?, derived_job_frame: String?, derived_response: String?
            var response_decoded: Fields?, midstate_index: Int?, version_bits: String?
        }
        var vectors: [Vector]
    }

    private func reply(_ frame: String) throws -> NonceResponse {
        let bytes = hex(frame)
        guard
            case .frame(.nonce(let found), bytes.count) = decodeResponse(
                bytes[...], bytes.count == 9 ? .short : .long)
        else { throw NotANonce() }
        return found
    }

    private struct NotANonce: Error {}

    private func expect(_ found: DecodedNonce, _ fields: Fields) {
        #expect(found.jobByte == fields.job_header_byte)
        #expect(found.core == fields.core)
        #expect(found.subCore == fields.sub_core ?? fields.small_core)
        #expect(found.versionBits == fields.version_bits ?? 0)
        #expect(found.midstate == fields.midstate_index)
    }

    @Test func `every recorded nonce decodes to its fields`() throws {
        let responses = try Shared.json(ResponseFile.self, "hardware/vectors/responses.json").responses
        var nonces = 0
        for one in responses where one.decoded.kind == "nonce" {
            nonces += 1
            let model = try #require(ChipsUnderTest.model(one.chip))
            let alone = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
            expect(model.decode(try reply(one.frame), on: alone), one.decoded)
            // An S19j Pro's chain has stride 2, so that its chip follows from bits 24 to 17.
            if let counter = one.decoded.bits_24_17, one.chip == "BM1362" {
                let layout = try #require(ChainLayout(chips: 126, rule: .stride(2)))
                #expect(model.decode(try reply(one.frame), on: layout).chip == .chip(counter / 2))
            }
        }
        #expect(nonces == responses.count { $0.decoded.kind != "register" })
        #expect(nonces == 20)
    }

    @Test func `every job and its answer make the header whose hash is known`() throws {
        let vectors = try Shared.json(EndToEndFile.self, "hardware/vectors/nonce_end_to_end.json").vectors
        var (captured, constructed) = (0, 0)
        for one in vectors {
            guard let job = one.job_frame ?? one.derived_job_frame,
                let response = one.response ?? one.derived_response, let header = one.header.map(hex),
                let model = ChipsUnderTest.model(one.chip)
            else { continue }
            let alone = try #require(ChainLayout(chips: 1, rule: .powerOfTwoShare))
            let answer = try reply(response)
            let found = model.decode(answer, on: alone)
            if let fields = one.response_decoded { expect(found, fields) }
            #expect(found.chip == .chip(0))
            switch model.work {
            case .fullHeader: try full(job, answer, found, makes: header)
            case .midstates:
                #expect(found.midstate == one.midstate_index)
                try midstate(job, answer, found, makes: header)
            }
            #expect(Header(wireBytes: header)?.hash.displayHex == one.hash_display)
            if one.frames == "captured" { captured += 1 } else { constructed += 1 }
        }
        // Six pairs whose bytes were both seen on hardware, and the nonces seen whose frames were built.
        #expect(captured == 6 && constructed == 34)
    }

    private func full(_ frame: String, _ answer: NonceResponse, _ found: DecodedNonce, makes header: [UInt8])
        throws
    {
        guard case .frame(.job(let job), 88) = decodeCommand(hex(frame)[...]) else { throw NotANonce() }
        #expect(job.jobByte == found.jobByte)
        let made = Header(
            version: job.version & ~VersionRolling.bits | found.versionBits,
            previousBlock: try #require(Hash256(wireBytes: bytes(job.previousBlock))),
            merkleRoot: try #require(Hash256(wireBytes: bytes(job.merkleRoot))), time: job.time,
            bits: CompactTarget(bits: job.bits), nonce: answer.nonce)
        #expect(made.wireBytes == header)
    }

    /// What a midstate hides, the header's first 64 bytes, is not looked into here; version and the rest are.
    private func midstate(
        _ frame: String, _ answer: NonceResponse, _ found: DecodedNonce, makes header: [UInt8]
    ) throws {
        let decoded = decodeCommand(hex(frame)[...], jobs: .midstates)
        guard case .frame(.midstateJob(let job), 152) = decoded else { throw NotANonce() }
        #expect(job.jobByte == found.jobByte)
        let made = try #require(Header(wireBytes: header))
        #expect((0..<4).map { job.merkleTail[$0] } == Array(header[64..<68]))
        #expect(made.time == job.time && made.bits == CompactTarget(bits: job.bits))
        #expect(made.nonce == answer.nonce)
        let versions = VersionRolling.versions(
            base: made.version, mask: VersionRolling.bits, from: 0, count: 4)
        #expect(made.version == versions[try #require(found.midstate)])
    }

    private func bytes(_ hash: [32 of UInt8]) -> [UInt8] { (0..<32).map { hash[$0] } }
}
