// Puts an abort's receipt into words: who met a failure, the evidence, and what failed. Pure.

import { plural } from './format.js';

/** The lines of a receipt, the sentence first. */
export function receiptLines(receipt) {
	const { sentence, drawn, met_failure: met, shielded, evidence, evidence_needed: needed, blame, took_ms: took, samples } = receipt;
	const lines = [
		sentence,
		`${plural(drawn, 'client')} came to the candidate, ${met} of them met a failure; stable answered ${plural(shielded, 'request')} instead.`,
		`Evidence ${evidence.toLocaleString()} (${needed} is needed)${factorWords(receipt.factor)}.`,
		blame && `${blame[0].toUpperCase()}${blame.slice(1)}.`,
		endpointWords(receipt.endpoints),
		took !== null && took !== undefined && `${(took / 1000).toFixed(1)}\u00a0s after the first failure.`,
		...samples.map(sampleLine),
	];
	return lines.filter(Boolean);
}

function factorWords(factor) {
	if (!factor) return '';
	const { likely, least, most } = factor;
	const bounds = [least !== null && `at least ${least}`, most !== null && `at most ${most}`].filter(Boolean);
	return `; it fails about ${likely} times as often as stable${bounds.length ? ` (${bounds.join(', ')})` : ''}`;
}

function endpointWords(endpoints) {
	if (!endpoints?.length) return '';
	return `Failing sessions by endpoint: ${endpoints.map(({ endpoint, failing }) => `${failing} met ${endpoint}`).join(', ')}.`;
}

const sampleLine = ({ method, path, status, endpoint, trace_id: trace }) =>
	`${method} ${path}: ${status} from ${endpoint}${trace ? `, trace ${trace}` : ''}`;
