// Turns the description of the API (OpenAPI) into a list of calls with their fields. Pure.

const METHODS = ['get', 'put', 'post', 'patch', 'delete'];

/** Every call: `{id, method, path, summary, description, parameters, body, answers}`. */
export function listCalls(page) {
	const at = (node) =>
		node?.$ref
			? node.$ref
					.split('/')
					.slice(1)
					.reduce((inner, name) => inner?.[name], page)
			: node;
	return Object.entries(page.paths).flatMap(([path, item]) =>
		METHODS.filter((method) => item[method]).map((method) => {
			const call = item[method];
			return {
				id: call.operationId,
				method: method.toUpperCase(),
				path,
				summary: call.summary ?? '',
				description: call.description ?? '',
				parameters: [...(item.parameters ?? []), ...(call.parameters ?? [])]
					.map(at)
					.map((each) => buildField(each.name, each.schema, each.description, each.required, each.in)),
				body: listFields(at(Object.values(at(call.requestBody)?.content ?? {})[0]?.schema), at),
				answers: Object.entries(call.responses ?? {}).map(([status, answer]) => [status, at(answer)?.description ?? '']),
			};
		}),
	);
}

function listFields(schema, at, prefix = '') {
	return Object.entries(schema?.properties ?? {}).flatMap(([name, each]) => {
		const inner = at(each);
		return inner.properties
			? listFields(inner, at, `${prefix}${name}.`)
			: [buildField(prefix + name, inner, inner.description, schema.required?.includes(name))];
	});
}

function buildField(name, schema, description, required, where = 'body') {
	return { name, type: describeType(schema), description: description ?? '', required: Boolean(required), where };
}

/** `integer, 0 to 100`, `keep or navigate`. */
export function describeType(schema = {}) {
	if (schema.enum) return schema.enum.map(String).join(' or ');
	if (schema.anyOf) return schema.anyOf.map(describeType).join(' or ');
	const type = [schema.type].flat().filter(Boolean).join(' or ');
	const range = schema.minimum !== undefined && schema.maximum !== undefined ? `, ${schema.minimum} to ${schema.maximum}` : '';
	return `${type}${schema.items ? ` of ${describeType(schema.items)}` : ''}${range}`;
}

/** A call as a command line with curl. */
export function buildCurl({ method, path, body, parameters }, origin) {
	const type = body.length ? " -H 'Content-Type: application/json'" : '';
	const shown = body.filter(({ required }) => required);
	const data = body.length ? ` -d '{${shown.map(({ name }) => `"${name}": …`).join(', ')}}'` : '';
	const match = parameters.some(({ name }) => name === 'If-Match') ? ` -H 'If-Match: "SEQ"'` : '';
	return `curl -X ${method} -H "Authorization: Bearer $TOKEN"${match}${type}${data} ${origin}${path}`;
}
