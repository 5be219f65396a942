// What the form of a deployment says, as the API takes it. Pure.

const MIB = 1024 * 1024;
const linesOf = (text) =>
	text
		.split('\n')
		.map((line) => line.trim())
		.filter(Boolean);
const numberOf = (text) => (text === '' ? undefined : Number(text));

/** `NAME=value`, a line each; only the first `=` divides. A line without one is named in an Error. */
export function environmentOf(text) {
	const pairs = linesOf(text).map((line) => {
		const at = line.indexOf('=');
		if (at < 1) throw new Error(`Environment: “${line}” is not NAME=value.`);
		return [line.slice(0, at), line.slice(at + 1)];
	});
	return pairs.length > 0 ? Object.fromEntries(pairs) : undefined;
}

/** The body of the call that deploys. What is left empty is not sent, so the API's own default counts. */
export function deployRequest(form) {
	const command = linesOf(form.command);
	const memory = numberOf(form.memory);
	return {
		image: form.image.trim(),
		release: form.release.trim() || undefined,
		replicas: numberOf(form.replicas),
		port: numberOf(form.port),
		blend: numberOf(form.blend),
		environment: environmentOf(form.environment),
		command: command.length > 0 ? command : undefined,
		health_path: form.healthPath.trim() || undefined,
		memory: memory === undefined ? undefined : memory * MIB,
		cpus: numberOf(form.cpus),
	};
}
