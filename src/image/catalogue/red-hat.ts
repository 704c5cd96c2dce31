import type { Entry } from './entry.ts'

export const RED_HAT = {
  'fedora-42': {
    pinned: {
      url: 'https://download.fedoraproject.org/pub/fedora/linux/releases/42/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-42-1.1.x86_64.qcow2',
      digest: 'sha256:e401a4db2e5e04d1967b6729774faa96da629bcf3ba90b67d8d9cce9906bec0f',
    },
    quirks: ['selinux'],
  },
  'fedora-43': {
    pinned: {
      url: 'https://download.fedoraproject.org/pub/fedora/linux/releases/43/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-43-1.6.x86_64.qcow2',
      digest: 'sha256:846574c8a97cd2d8dc1f231062d73107cc85cbbbda56335e264a46e3a6c8ab2f',
    },
    quirks: ['selinux'],
  },
  'fedora-44': {
    pinned: {
      url: 'https://download.fedoraproject.org/pub/fedora/linux/releases/44/Cloud/x86_64/images/Fedora-Cloud-Base-Generic-44-1.7.x86_64.qcow2',
      digest: 'sha256:28680fe5b371a5a82ebf43a31926e086a168e59949d03969c5093e7071f90b7f',
    },
    quirks: ['selinux'],
  },
  'almalinux-9': {
    pinned: {
      url: 'https://repo.almalinux.org/almalinux/9.8/cloud/x86_64/images/AlmaLinux-9-GenericCloud-9.8-20260526.x86_64.qcow2',
      digest: 'sha256:c397eed7023e92c841155831b1f47e26300e5bef0f0256c129322307c897a251',
    },
    latest: {
      url: 'https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/AlmaLinux-9-GenericCloud-latest.x86_64.qcow2',
      checksums: 'https://repo.almalinux.org/almalinux/9/cloud/x86_64/images/CHECKSUM',
      format: 'gnu',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v2'],
  },
  'almalinux-10': {
    pinned: {
      url: 'https://repo.almalinux.org/almalinux/10.2/cloud/x86_64/images/AlmaLinux-10-GenericCloud-10.2-20260526.0.x86_64.qcow2',
      digest: 'sha256:47f2218668dd4776be140dd92fa3bea700be1766e2c7d88bdfd6a4b50f477b4d',
    },
    latest: {
      url: 'https://repo.almalinux.org/almalinux/10/cloud/x86_64/images/AlmaLinux-10-GenericCloud-latest.x86_64.qcow2',
      checksums: 'https://repo.almalinux.org/almalinux/10/cloud/x86_64/images/CHECKSUM',
      format: 'gnu',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v3'],
  },
  'almalinux-10-v2': {
    pinned: {
      url: 'https://repo.almalinux.org/almalinux/10.2/cloud/x86_64_v2/images/AlmaLinux-10-GenericCloud-10.2-20260526.0.x86_64_v2.qcow2',
      digest: 'sha256:cd17bcbd7ac62a7f179c30fb24f5795c411d540650b4f060d2167859e2fd3d95',
    },
    latest: {
      url: 'https://repo.almalinux.org/almalinux/10/cloud/x86_64_v2/images/AlmaLinux-10-GenericCloud-latest.x86_64_v2.qcow2',
      checksums: 'https://repo.almalinux.org/almalinux/10/cloud/x86_64_v2/images/CHECKSUM',
      format: 'gnu',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v2'],
  },
  'rocky-9': {
    pinned: {
      url: 'https://dl.rockylinux.org/pub/rocky/9.8/images/x86_64/Rocky-9-GenericCloud-Base-9.8-20260525.0.x86_64.qcow2',
      digest: 'sha256:92c206cc6f790c61583247eefe87890f8828420662c17cacf247cec78ab4eec8',
    },
    latest: {
      url: 'https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud.latest.x86_64.qcow2',
      checksums:
        'https://dl.rockylinux.org/pub/rocky/9/images/x86_64/Rocky-9-GenericCloud.latest.x86_64.qcow2.CHECKSUM',
      format: 'bsd',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v2'],
  },
  'rocky-10': {
    pinned: {
      url: 'https://dl.rockylinux.org/pub/rocky/10.2/images/x86_64/Rocky-10-GenericCloud-Base-10.2-20260525.0.x86_64.qcow2',
      digest: 'sha256:9fc9e9ff16888bb68ac39b0392e25c9c92684d50c85f1cce6ab549363bbc4b48',
    },
    latest: {
      url: 'https://dl.rockylinux.org/pub/rocky/10/images/x86_64/Rocky-10-GenericCloud-Base.latest.x86_64.qcow2',
      checksums:
        'https://dl.rockylinux.org/pub/rocky/10/images/x86_64/Rocky-10-GenericCloud-Base.latest.x86_64.qcow2.CHECKSUM',
      format: 'bsd',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v3'],
  },
  'centos-stream-9': {
    pinned: {
      url: 'https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-20260720.0.x86_64.qcow2',
      digest: 'sha256:c2bde1f49fcb2efa55c40c4ec5011a8f2fb227c63254774b2a4d186b41f3a9a5',
    },
    latest: {
      url: 'https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-latest.x86_64.qcow2',
      checksums:
        'https://cloud.centos.org/centos/9-stream/x86_64/images/CentOS-Stream-GenericCloud-9-latest.x86_64.qcow2.SHA256SUM',
      format: 'bsd',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v2'],
  },
  'centos-stream-10': {
    pinned: {
      url: 'https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-20260720.0.x86_64.qcow2',
      digest: 'sha256:93796945df5e54952be21ca85067f0c9f3b11a2dd6ee2163154fd9748c4c41d7',
    },
    latest: {
      url: 'https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2',
      checksums:
        'https://cloud.centos.org/centos/10-stream/x86_64/images/CentOS-Stream-GenericCloud-10-latest.x86_64.qcow2.SHA256SUM',
      format: 'bsd',
      algorithm: 'sha256',
    },
    quirks: ['selinux', 'x86-64-v3'],
  },
} as const satisfies Record<string, Entry>
