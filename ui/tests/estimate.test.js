import assert from 'node:assert/strict';
import test from 'node:test';

import { shareBetween } from '../web/estimate.js';

test('few answers say little, many say much', () => {
	assert.equal(shareBetween(0, 0), null);
	assert.equal(shareBetween(NaN, NaN), null);
	// R: prop.test(10, 100, correct = FALSE)$conf.int
	const [low, high] = shareBetween(10, 100);
	assert.ok(Math.abs(low - 0.05523) < 1e-4 && Math.abs(high - 0.17437) < 1e-4, `${low} ${high}`);
	const [none, some] = shareBetween(0, 10);
	assert.ok(none === 0 && some > 0.25 && some < 0.3);
	assert.ok(shareBetween(10_000, 100_000)[1] - 0.1 < 0.002);
});
