// What the form of a deployment says, as the API takes it. Pure.

import { typedLines } from './typed-list.js';

const MIB = 1024 * 1024;
const numberOf = (text) => (text === '' ? undefined : Number(text));

/** `NAME=value`, a line each; only the first `=` divides. A line without one is named in an Error, after the name of the field. */
export function pairsOf(text, field) {
	const pairs = typedLines(text).map((line) => {
		const at = line.indexOf('=');
		if (at < 1) throw new Error(`${field}: “${line}” is not NAME=value.`);
		return [line.slice(0, at), line.slice(at + 1)];
	});
	return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

/** The body of the call that deploys. What is left empty is not sent, so the API's own default counts. */
export function deployRequest(form) {
	const command = typedLines(form.command);
	const memory = numberOf(form.memory);
	return {
		image: form.image.trim(),
		release: form.release.trim() || undefined,
		replicas: numberOf(form.replicas),
		port: numberOf(form.port),
		blend: numberOf(form.blend),
		facts: pairsOf(form.facts, 'Facts'),
		environment: pairsOf(form.environment, 'Environment'),
		command: command.length > 0 ? command : undefined,
		health_path: form.healthPath.trim() || undefined,
		memory: memory === undefined ? undefined : memory * MIB,
		cpus: numberOf(form.cpus),
	};
}
