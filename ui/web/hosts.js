// The hosts that lead to an app, in words. Pure.

/** Whether no host leads to an app that was made. */
export const isUnreachable = ({ seq, leading_hosts: leading }) => seq > 0 && leading?.length === 0;

/** The hosts that lead to an app, or that none does. */
export function describeHosts(state) {
	if (isUnreachable(state)) return 'no host leads to it';
	const leading = state.leading_hosts ?? state.hosts ?? [];
	const named = leading.filter((host) => !host.startsWith('*/') && host !== '*');
	const paths = leading.filter((host) => host.startsWith('*/')).map((host) => `${host.slice(1)} on all other hosts`);
	const isWhole = state.default && !paths.length;
	return [...named, ...paths, isWhole ? 'all other hosts' : null].filter(Boolean).join(', ');
}
