// Reads the API's release objects: the name of a release, its id, the health of its endpoints. Pure.

const ID = /^apps\/([^/]+)\/containers$/;

/**
 * The short name of a release, from its object or from an id such as `apps/hello-1.0.0-80/containers`. Of an id, `app` tells where the name
 * of the app ends, since that may have a `-` too. If one of the ids in `others` has that name as well, it is the whole `hello-1.0.0-80`.
 */
export function releaseName(release, app, others = []) {
	if (release == null) return 'none';
	if (typeof release === 'object')
		return release.release && !ID.test(release.release) ? release.release : releaseName(release.id ?? release.release, app, others);
	if (release === 'rolling/null' || release === '-') return 'none';
	const segment = ID.exec(release)?.[1];
	if (!segment) return String(release);
	const name = shortName(segment, app);
	return others.some((other) => other !== release && shortName(ID.exec(other)?.[1] ?? '', app) === name) ? segment : name;
}

function shortName(segment, app) {
	const name = segment.replace(/-\d+$/, '');
	if (typeof app === 'string' && name.startsWith(`${app}-`)) return name.slice(app.length + 1);
	const dash = name.indexOf('-');
	return dash < 0 ? name : name.slice(dash + 1);
}

/** A text of the router, with the ids of releases as the app's people know them: `rolled back to 1.0.0`. */
export const namesIn = (text, app) => text.replace(/apps\/[\w.+-]+\/containers/g, (id) => releaseName(id, app));

/** The full id of a release object or string, or null. */
export function releaseId(release) {
	if (release == null) return null;
	return typeof release === 'object' ? (release.id ?? release.release ?? null) : release;
}

/** The endpoints of a release: how many there are (`all`), how many serve (`serving`) or drain (`draining`), and which fail (`failing`). */
export function health(release) {
	const endpoints = release?.endpoints ?? [];
	const failing = endpoints.filter((endpoint) => endpoint.healthy === false);
	const draining = endpoints.filter((endpoint) => endpoint.draining && endpoint.healthy !== false).length;
	return { all: endpoints.length, serving: endpoints.length - failing.length - draining, failing, draining };
}

/** Every release of an app's state, each once: stable, candidate, previous, draining. */
export function releasesOf(state) {
	const all = [state.stable, state.candidate, state.previous, ...(state.draining ?? [])].filter(
		(release) => release && typeof release === 'object',
	);
	return [...new Map(all.map((release) => [release.id, release])).values()];
}
