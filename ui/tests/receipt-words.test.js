import assert from 'node:assert/strict';
import { test } from 'node:test';
import { receiptLines } from '../web/receipt-words.js';

test('a receipt says who met a failure, how sure it is, and what failed', () => {
	const receipt = {
		sentence: 'The candidate is worse than stable.',
		drawn: 40,
		met_failure: 3,
		shielded: 38,
		evidence: 387.2,
		evidence_needed: 100,
		factor: { likely: 60, least: 5, most: null },
		blame: 'stable answered 38 of the 40 requests that the candidate failed',
		endpoints: [{ endpoint: '10.0.0.6:80', failing: 2 }, { endpoint: '10.0.0.7:80', failing: 1 }],
		took_ms: 2_340,
		samples: [{ method: 'GET', path: '/cart', status: 500, endpoint: '10.0.0.6:80', trace_id: null }],
	};
	const lines = receiptLines(receipt).map((line) => line.replaceAll('\u00a0', ' '));
	assert.deepEqual(lines, [
		'The candidate is worse than stable.',
		'40 clients came to the candidate, 3 of them met a failure; stable answered 38 requests instead.',
		'Evidence 387.2 (100 is needed); it fails about 60 times as often as stable (at least 5).',
		'Stable answered 38 of the 40 requests that the candidate failed.',
		'Failing sessions by endpoint: 2 met 10.0.0.6:80, 1 met 10.0.0.7:80.',
		'2.3 s after the first failure.',
		'GET /cart: 500 from 10.0.0.6:80',
	]);
	const quiet = { ...receipt, factor: null, blame: '', endpoints: [], took_ms: null, samples: [], shielded: 1 };
	assert.equal(receiptLines(quiet).length, 3);
});
