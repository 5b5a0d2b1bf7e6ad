import type { Reporter, TestModule } from 'vitest/node';

/** Ends the output with one plain line that a person and CI can read: `312 passed, 0 failed, 1 skipped`. */
export default class LastLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0;
    let failed = unhandledErrors.length;
    let skipped = 0;
    for (const module of modules) {
      if (module.state() === 'failed' && module.errors().length > 0) failed++;
      for (const test of module.children.allTests()) {
        switch (test.result().state) {
          case 'passed':
            passed++;
            break;
          case 'failed':
            failed++;
            break;
          default:
            skipped++;
        }
      }
    }
    // After the other reporters, whatever their order.
    setImmediate(() => {
      process.stdout.write(
        `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}\n`,
      );
    });
  }
}
