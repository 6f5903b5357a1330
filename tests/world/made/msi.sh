#!/bin/sh
# Makes an MSI with other people's tools: wixl, msibuild and gcab. `msi.sh CASE OUT`, in an empty folder.
set -eu
case_name=$1 out=$2
here=$(dirname "$0")

mkdir files
seq 1 9000 >files/agent.exe
seq 1 40 >files/agent.conf
: >files/empty

# A file in a component of its own: its key, the rest of the component.
component() {
    printf '<Component Id="C.%s" Guid="*"><File Id="%s" Name="%s" Source="files/%s" KeyPath="yes"/>%s</Component>' "$1" "$1" "$1" "$1" "${2-}"
}

# A package of wixl. $1: whether the cabinet lies inside; $2: its components.
wixl_package() {
    components=${2-$(component agent.exe && component agent.conf)}
    cat >world.wxs <<WXS
<?xml version="1.0" encoding="utf-8"?>
<Wix xmlns="http://schemas.microsoft.com/wix/2006/wi">
  <Product Id="*" Name="World" UpgradeCode="6F1D2C3B-0000-4000-8000-0123456789AB" Language="1033" Version="1.2.3" Manufacturer="Example">
    <Package InstallerVersion="200" Compressed="yes" InstallScope="perMachine"/>
    <Media Id="1" Cabinet="one.cab" EmbedCab="$1"/>
    <Directory Id="TARGETDIR" Name="SourceDir"><Directory Id="ProgramFilesFolder"><Directory Id="INSTALLDIR" Name="World">
      $components
    </Directory></Directory></Directory>
    <Feature Id="Main" Level="1">$(printf '%s' "$components" | grep -o 'C\.[a-z_0-9.]*' | sed 's|.*|<ComponentRef Id="&"/>|')</Feature>
  </Product>
</Wix>
WXS
    wixl -a x64 -o "$out" world.wxs
}

# A second medium: $1 is the last sequence of the first, $2 what the second's cabinet is called.
second_medium() {
    sql "UPDATE \`Media\` SET \`LastSequence\`=$1"
    sql "INSERT INTO \`Media\` (\`DiskId\`, \`LastSequence\`, \`Cabinet\`) VALUES (2, 2, '$2')"
}

# gcab takes the files' names in the folder for their names in the cabinet, which are the keys.
cabinet() {
    (cd files && gcab -c "$@")
    mv "files/$cab" .
}

sql() {
    msibuild "$out" -q "$1"
}

# The code page of all texts, and a product's name that needs it.
codepage() {
    wixl_package yes
    printf '\r\n\r\n%s\t_ForceCodepage\r\n' "$1" >codepage.idt
    msibuild "$out" -i codepage.idt
    sql "UPDATE \`Property\` SET \`Value\`='$2' WHERE \`Property\`='ProductName'"
}

# Files that lie in cabinets of libmspack's tests: three ways of packing, and one set of five.
libmspack() {
    for file in "$@"; do : >"files/$file"; done
    wixl_package yes "$(for file in "$@"; do component "$file"; done)"
}

case $case_name in
plain) wixl_package yes ;;
service) wixl_package yes "$(component agent.exe '<ServiceInstall Id="S" Name="world" Type="ownProcess" Start="auto" ErrorControl="normal"/><ServiceControl Id="SC" Name="world" Start="install" Stop="both" Remove="uninstall" Wait="yes"/>')" ;;
registry) wixl_package yes "$(component agent.exe '<RegistryKey Root="HKLM" Key="Software\World"><RegistryValue Type="string" Name="a" Value="[INSTALLDIR]"/></RegistryKey>')" ;;
empty-file) wixl_package yes "$(component empty)" ;;
stored)
    wixl_package yes
    cab=one.cab && cabinet -n one.cab agent.exe agent.conf
    msibuild "$out" -a one.cab one.cab
    ;;
media)
    wixl_package yes
    cab=one.cab && cabinet -z one.cab agent.exe
    cab=two.cab && cabinet -n two.cab agent.conf
    msibuild "$out" -a one.cab one.cab -a two.cab two.cab
    second_medium 1 '#two.cab'
    ;;
half-external)
    wixl_package yes
    cab=one.cab && cabinet -z one.cab agent.exe
    msibuild "$out" -a one.cab one.cab
    second_medium 1 two.cab
    ;;
external) wixl_package no ;;
no-cabinet)
    wixl_package no
    sql "UPDATE \`Media\` SET \`Cabinet\`=''"
    ;;
no-directory)
    wixl_package yes
    for table in File Media Component FeatureComponents Directory; do sql "DROP TABLE \`$table\`"; done
    ;;
custom-action)
    wixl_package yes
    sql "INSERT INTO \`CustomAction\` (\`Action\`, \`Type\`, \`Source\`, \`Target\`) VALUES ('SetName', 51, 'WORLDNAME', '[ProductName]')"
    sql "INSERT INTO \`InstallExecuteSequence\` (\`Action\`, \`Sequence\`) VALUES ('SetName', 1001)"
    ;;
fourth-version)
    wixl_package yes
    sql "UPDATE \`Property\` SET \`Value\`='1.2.3.4' WHERE \`Property\`='ProductVersion'"
    ;;
quantum)
    libmspack mszip.txt lzx.txt qtm.txt
    msibuild "$out" -a one.cab "$CABINETS/mszip_lzx_qtm.cab"
    ;;
spanned)
    libmspack test1.txt test2.txt test3.txt
    msibuild "$out" -a one.cab "$CABINETS/multi_basic_pt1.cab"
    ;;
changed)
    wixl_package yes
    # One byte of the cabinet, which lies in the file as it is.
    at=$(($(grep -abo MSCF "$out" | head -n 1 | cut -d: -f1) + 600))
    byte=$(od -An -tu1 -j "$at" -N1 "$out" | tr -d ' ')
    printf "\\$(printf '%03o' $((byte ^ 1)))" | dd of="$out" bs=1 seek="$at" conv=notrunc status=none
    ;;
storage)
    wixl_package yes
    /usr/bin/python3 "$here/storage.py" storage "$out" changed
    mv changed "$out"
    ;;
patch | transform)
    wixl_package yes
    /usr/bin/python3 "$here/storage.py" "$case_name" "$out" changed
    mv changed "$out"
    ;;
codepage-874) codepage 874 'ตัวแทน' ;;
codepage-932) codepage 932 '世界エージェント' ;;
codepage-936) codepage 936 '世界代理' ;;
codepage-949) codepage 949 '세계 에이전트' ;;
codepage-950) codepage 950 '世界代理' ;;
codepage-1250) codepage 1250 'Světový agent' ;;
codepage-1251) codepage 1251 'Мировой агент' ;;
codepage-1252) codepage 1252 'Agent à jour' ;;
codepage-1253) codepage 1253 'Κόσμος' ;;
codepage-1254) codepage 1254 'Dünya ığşç' ;;
codepage-1255) codepage 1255 'סוכן עולמי' ;;
codepage-1256) codepage 1256 'عالم' ;;
codepage-1257) codepage 1257 'Pasaulė' ;;
codepage-1258) codepage 1258 'Thế giới' ;;
codepage-65001) codepage 65001 'Světový агент 世界' ;;
*)
    echo "there is no case $case_name" >&2
    exit 2
    ;;
esac
