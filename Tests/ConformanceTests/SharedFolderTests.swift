import Foundation
import TestSupport
import Testing

@Test func `in CI the recorded facts are there, so that this lane cannot be skipped unseen`() {
    let isCI = ProcessInfo.processInfo.environment["CI"] == "true"
    #expect(Shared.isPresent || !isCI, "the conformance lane reads \(Shared.root.path), and it is missing")
}
